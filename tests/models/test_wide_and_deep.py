"""Wide & Deep against NumPy, and saved."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.features import SpecError
from amer_tf.models import aggregation, wide_and_deep
from tests import helpers
from tests.models.test_ctr import (
    HYBRID,
    SPEC,
    batch,
    deep_part,
    dense,
    embeddings,
    flat_input,
    linear_part,
    scaled_logit,
)
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = wide_and_deep.build(SPEC, embedding_dim=3, hidden_units=(6, 5))
    helpers.fix_weights(model)
    return model


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    hidden = deep_part(model, flat_input(embeddings(model, inputs), inputs))
    deep = dense(model, "amer.output", hidden)[:, 0]
    expected = scaled_logit(model, deep, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = wide_and_deep.build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    table = wide_and_deep.build(SPEC, embedding_dim=3)
    assert aggregation.input_size(model) == aggregation.input_size(table) + 2 * 3


def test_refuses_another_task():
    with pytest.raises(SpecError, match="Wide & Deep is a model of task 'ctr'. Received: "):
        wide_and_deep.build(nets.next_item_spec())
