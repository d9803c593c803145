"""DIN against NumPy, and saved."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.features import SpecError
from amer_tf.models import din
from tests import helpers
from tests.models.test_ctr import (
    HYBRID,
    SPEC,
    batch,
    behavior_states,
    dense,
    embeddings,
    flat_input,
    scaled_logit,
)
from tests.search import nets


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = din.build(HYBRID, embedding_dim=3, hidden_units=(6, 5))
    helpers.fix_weights(model)
    return model


def attended(model, states, target):
    """`sum_i a_i h_i`, `a` of an MLP with PReLU over `[h, t, h - t, h t]` (Zhou et al., 2018)."""
    kernel, bias, slopes, weight_kernel, weight_bias = model.get_layer(
        "amer.target_attention"
    ).get_weights()
    target = np.broadcast_to(target[:, None], states.shape)
    hidden = np.concatenate([states, target, states - target, states * target], axis=-1)
    hidden = hidden @ kernel + bias
    hidden = np.where(hidden > 0, hidden, slopes * hidden)
    weights = hidden @ weight_kernel + weight_bias  # [B, T, 1]
    return (weights * states).sum(axis=1)


def dice(model, index, hidden):
    """Dice with its running mean and variance, as in inference."""
    layer = model.get_layer(f"amer.hidden_{index}.activation")
    return np.asarray(layer(hidden.astype("float32"), training=False))


def test_equals_numpy(model: keras.Model):
    inputs = batch(HYBRID)
    embedded = embeddings(model, inputs)
    states = behavior_states(model, inputs)
    # The page of the history has no counterpart: the ad is projected to a step's width.
    [projection] = model.get_layer("amer.target_projection").get_weights()
    parts = [
        flat_input(embedded, inputs),
        states.sum(axis=1),
        attended(model, states, embedded["ad"] @ projection),
    ]
    hidden = np.concatenate(parts, axis=1)
    for index in range(2):
        hidden = dice(model, index, dense(model, f"amer.hidden_{index}", hidden))
    expected = scaled_logit(model, dense(model, "amer.output", hidden)[:, 0])
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(HYBRID)), model(batch(HYBRID)))


@pytest.mark.parametrize("spec", [SPEC, dataclasses.replace(HYBRID, target_to_behavior={})])
def test_needs_a_target(spec):
    with pytest.raises(SpecError, match="DIN needs a target field that is mapped .*Received: spec"):
        din.build(spec)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="DIN is a model of task 'ctr'. Received: .*next_item"):
        din.build(nets.next_item_spec())
