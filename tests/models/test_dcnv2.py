"""DCN-V2 against NumPy, and saved."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.features import SpecError
from amer_tf.models import aggregation, dcnv2
from tests import helpers
from tests.models.test_ctr import (
    HYBRID,
    SPEC,
    batch,
    deep_part,
    dense,
    embeddings,
    flat_input,
    scaled_logit,
)
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = dcnv2.build(SPEC, embedding_dim=3, hidden_units=(6, 5), num_crosses=2)
    helpers.fix_weights(model)
    return model


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    states = first = flat_input(embeddings(model, inputs), inputs)
    for index in range(2):
        kernel, bias = model.get_layer(f"amer.cross.{index}").get_weights()
        states = first * (states @ kernel + bias) + states
    joint = np.concatenate([states, deep_part(model, first)], axis=1)
    expected = scaled_logit(model, dense(model, "amer.output", joint)[:, 0])
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = dcnv2.build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    table = dcnv2.build(SPEC, embedding_dim=3)
    assert aggregation.input_size(model) == aggregation.input_size(table) + 2 * 3


def test_refuses_another_task():
    with pytest.raises(SpecError, match="DCN-V2 is a model of task 'ctr'. Received: "):
        dcnv2.build(nets.next_item_spec())
