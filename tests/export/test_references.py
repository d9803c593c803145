"""Systems that are built from what a search found, saved, loaded, and asked by raw columns."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture
from amer_tf.models import autocross, autofis
from tests import helpers
from tests.export import small_models
from tests.export.test_ctr import ROWS, SPEC, columns

OPTIONS = {"embedding_dim": 3, "hidden_units": (6, 4)}


def make_autocross() -> keras.Model:
    crosses = [("ad", "country"), ("price", "ad", "tags"), ("hour", "country", "tags")]
    boundaries = {"price": (-0.6, 0.2, 0.7)}
    return autocross.build(SPEC, crosses=crosses, boundaries=boundaries, num_buckets=50, **OPTIONS)


def make_autofis() -> keras.Model:
    return autofis.build(SPEC, pairs=[("ad", "tags")], attention=[-0.7], **OPTIONS)


@pytest.mark.parametrize("make", [make_autocross, make_autofis])
def test_answers_are_those_of_the_python_model(make, tmp_path):
    model = make()
    helpers.fix_weights(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    case = small_models.Case(SPEC, Architecture(), loaded)
    answer = small_models.load(case, tmp_path / "1").ask("serving_default", **columns())
    inputs = {
        field.name: np.array([case.encoded(field, row.get(field.name)) for row in ROWS])
        for field in SPEC.fields
    }
    np.testing.assert_allclose(answer["logit"], model(inputs), rtol=1e-5, atol=1e-6)
    assert len(np.unique(np.round(answer["logit"], 4))) == len(ROWS)
