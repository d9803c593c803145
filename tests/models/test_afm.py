"""AFM against NumPy, and saved."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, NumericField, SpecError
from amer_tf.models import afm
from tests import helpers
from tests.models.test_ctr import (
    FIELDS,
    HYBRID,
    SPEC,
    batch,
    dense,
    embeddings,
    linear_part,
    scaled_logit,
)
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = afm.build(SPEC, embedding_dim=3, attention_units=5)
    helpers.fix_weights(model)
    return model


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    embedded = embeddings(model, inputs)
    pairs = itertools.combinations(FIELDS, 2)
    products = np.stack([embedded[a] * embedded[b] for a, b in pairs], axis=1)
    kernel, bias, projection = model.get_layer("amer.attention").get_weights()
    weights = np.exp(np.maximum(products @ kernel + bias, 0) @ projection)
    pooled = (products * weights / weights.sum(axis=1, keepdims=True)).sum(axis=1)
    logit = dense(model, "amer.output", pooled)[:, 0]
    expected = scaled_logit(model, logit, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_numbers_and_behaviours_are_inputs_that_are_not_read():
    model = afm.build(HYBRID, embedding_dim=3, dropout=0.2, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    inputs = batch(HYBRID)
    logits = np.asarray(model(inputs))
    assert logits.shape == (5,)
    others = {name: inputs[name] * 2 for name in ("price", "ad_history", "page_history")}
    np.testing.assert_array_equal(model({**inputs, **others}), logits)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="AFM is a model of task 'ctr'. Received: .*next_item"):
        afm.build(nets.next_item_spec())


def test_refuses_a_single_field():
    fields = (CategoricalField("user"), NumericField("price", "context"))
    spec = dataclasses.replace(SPEC, fields=fields, vocabularies=SPEC.vocabularies[:1])
    with pytest.raises(SpecError, match=r"AFM needs 2 or more categorical .*Received: \['user'\]"):
        afm.build(spec)


def test_refuses_no_attention_units():
    with pytest.raises(ValueError, match="must be a positive integer. Received: units=0"):
        afm.build(SPEC, attention_units=0)
