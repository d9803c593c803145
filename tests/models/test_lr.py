"""LR against NumPy, and saved."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.features import NumericField, SpecError
from amer_tf.models import lr
from tests import helpers
from tests.models.test_ctr import HYBRID, SPEC, batch, linear_part, scaled_logit
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = lr.build(SPEC)
    helpers.fix_weights(model)
    return model


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    (bias,) = model.get_layer("amer.output").get_weights()
    expected = scaled_logit(model, linear_part(model, inputs), bias)
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_a_weight_for_each_value_and_a_bias(model: keras.Model):
    rows = sum(vocabulary.num_rows for vocabulary in SPEC.vocabularies)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == rows + 1


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_numbers_and_behaviours_are_inputs_that_are_not_read():
    model = lr.build(HYBRID, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    inputs = batch(HYBRID)
    logits = np.asarray(model(inputs))
    assert logits.shape == (5,)
    others = {name: inputs[name] * 2 for name in ("price", "ad_history", "page_history")}
    np.testing.assert_array_equal(model({**inputs, **others}), logits)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="LR is a model of task 'ctr'. Received: .*next_item"):
        lr.build(nets.next_item_spec())


def test_refuses_numbers_alone():
    spec = dataclasses.replace(SPEC, fields=(NumericField("price"),), vocabularies=())
    with pytest.raises(SpecError, match=r"LR needs 1 or more categorical .*Received: \[\]"):
        lr.build(spec)
