import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import FusedDropout
from tests import helpers
from tests.conformance.descriptions import STATES

ONES = np.ones((200, 30, 10), "float32")


def drop(layer: FusedDropout, compiled: bool | None) -> np.ndarray:
    """Outputs in training: eager (None), in a graph (False) or under XLA (True)."""

    def call(inputs):
        return layer(inputs, training=True)

    if compiled is not None:
        call = tf.function(call, jit_compile=compiled)
    return np.asarray(call(tf.constant(ONES)))


def test_layer_contract():
    helpers.check_layer(
        FusedDropout,
        config={"rate": 0.2, "noise_shape": [None, 1, 1], "seed": 0},
        inputs={"inputs": STATES},
        output_shape=STATES.shape,
        num_weights=0,
    )


@pytest.mark.parametrize("compiled", [None, False, True])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_drops_the_rate_and_keeps_the_mean(rate: float, compiled: bool | None):
    outputs = drop(FusedDropout(rate, seed=1), compiled)
    # 60,000 numbers: four standard errors of the fraction are at most 0.0082.
    assert (outputs == 0).mean() == pytest.approx(rate, abs=0.0082)
    np.testing.assert_allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-5)


@pytest.mark.parametrize("compiled", [None, False, True])
def test_every_call_draws_anew(compiled: bool | None):
    layer = FusedDropout(0.5, seed=1)
    first, second = drop(layer, compiled), drop(layer, compiled)
    # Independent masks of rate 0.5 differ in half of the places.
    assert (first != second).mean() == pytest.approx(0.5, abs=0.0082)


def test_neighbours_are_independent():
    dropped = drop(FusedDropout(0.5, seed=1), None).reshape(-1) == 0
    for distance in (1, 2, 10, 300):
        correlation = np.corrcoef(dropped[:-distance], dropped[distance:])[0, 1]
        assert abs(correlation) < 0.0164, distance  # four standard errors


def test_one_seed_gives_one_mask_eagerly_in_a_graph_and_under_xla():
    masks = [drop(FusedDropout(0.5, seed=7), compiled) for compiled in (None, False, True)]
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])
    assert (masks[0] != drop(FusedDropout(0.5, seed=8), None)).mean() > 0.4


def test_noise_shape_shares_one_draw_along_an_axis():
    outputs = drop(FusedDropout(0.5, noise_shape=(None, 1, 1), seed=1), None)
    assert np.all(outputs == outputs[:, :1, :1])
    assert 0.3 < (outputs[:, 0, 0] == 0).mean() < 0.7


@pytest.mark.parametrize("training", [False, None])
def test_nothing_is_dropped_outside_training(training: bool | None):
    np.testing.assert_array_equal(FusedDropout(0.9)(STATES, training=training), STATES)


def test_rate_zero_drops_nothing():
    np.testing.assert_array_equal(FusedDropout(0.0)(STATES, training=True), STATES)


def test_an_unknown_batch():
    inputs = keras.Input((30, 10))
    model = keras.Model(inputs, FusedDropout(0.5, seed=1)(inputs))
    assert (np.asarray(model(ONES, training=True)) == 0).mean() == pytest.approx(0.5, abs=0.0082)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_refuses_a_rate_out_of_range(rate: float):
    with pytest.raises(ValueError, match=rf"`rate` must be in \[0, 1\). Received: rate={rate}"):
        FusedDropout(rate)
