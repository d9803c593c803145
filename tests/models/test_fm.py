"""FM against NumPy, and saved."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, NumericField, SpecError
from amer_tf.models import fm
from tests import helpers
from tests.models.test_ctr import (
    FIELDS,
    HYBRID,
    SPEC,
    batch,
    embeddings,
    linear_part,
    scaled_logit,
)
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = fm.build(SPEC, embedding_dim=3)
    helpers.fix_weights(model)
    return model


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    embedded = embeddings(model, inputs)
    pairs = sum(
        (embedded[a] * embedded[b]).sum(axis=1) for a, b in itertools.combinations(FIELDS, 2)
    )
    (bias,) = model.get_layer("amer.output").get_weights()
    expected = scaled_logit(model, pairs, linear_part(model, inputs), bias)
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_numbers_and_behaviours_are_inputs_that_are_not_read():
    model = fm.build(HYBRID, embedding_dim=3, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    inputs = batch(HYBRID)
    logits = np.asarray(model(inputs))
    assert logits.shape == (5,)
    others = {name: inputs[name] * 2 for name in ("price", "ad_history", "page_history")}
    np.testing.assert_array_equal(model({**inputs, **others}), logits)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="FM is a model of task 'ctr'. Received: .*next_item"):
        fm.build(nets.next_item_spec())


def test_refuses_a_single_field():
    fields = (CategoricalField("user"), NumericField("price", "context"))
    spec = dataclasses.replace(SPEC, fields=fields, vocabularies=SPEC.vocabularies[:1])
    with pytest.raises(SpecError, match=r"FM needs 2 or more categorical .*Received: \['user'\]"):
        fm.build(spec)
