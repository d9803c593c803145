"""Shared negatives: weights by hand, draws by their distribution, with and without XLA."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.training import negatives

COUNTS = np.array([50, 7, 0, 1, 16, 81, 0])


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (0.0, [0, 0, 0, 1, 1, 1, 0]),
        (0.75, [0, 0, 0, 1, 8, 27, 0]),
        (1.0, [0, 0, 0, 1, 16, 81, 0]),
    ],
)
def test_weights_are_powers_of_counts(power, expected):
    np.testing.assert_allclose(negatives.popularity_weights(COUNTS, power), expected)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("power", [None, 0.5])
def test_draws_follow_the_weights(power, jit_compile):
    weights = None if power is None else negatives.popularity_weights(COUNTS, power)
    sampler = negatives.NegativeSampler(7, weights)
    seed = keras.random.SeedGenerator(5)
    draw = tf.function(lambda: sampler.draw(50_000, seed), jit_compile=jit_compile)
    first, second = np.asarray(draw()), np.asarray(draw())
    assert first.dtype == np.int32
    assert (first != second).any()
    shares = np.bincount(first, minlength=7) / 50_000
    expected = np.array([0, 0, 1, 1, 1, 1, 1] if power is None else [0, 0, 0, 1, 4, 9, 0])
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.01)
    assert not shares[expected == 0].any()


def test_the_same_seed_draws_the_same():
    sampler = negatives.NegativeSampler(7, COUNTS)
    first, second = (sampler.draw(20, keras.random.SeedGenerator(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("power", [-0.1, 1.5])
def test_refuses_another_power(power):
    with pytest.raises(ValueError, match=rf"lie in \[0, 1\].*power={power}"):
        negatives.popularity_weights(COUNTS, power)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), r"each of 7 item ids.*shape=\(3,\)"),
        (np.zeros(7), "one of a known item positive.*sum 0"),
        ([1, 1, 0, 0, 0, 0, 0], "one of a known item positive.*sum 0"),
        ([0, 0, -1, 2, 0, 0, 0], "none of them negative.*least -1"),
        ([0, 0, np.nan, 2, 0, 0, 0], "must be finite.*sum nan"),
    ],
)
def test_refuses_weights_that_say_nothing(weights, message):
    with pytest.raises(ValueError, match=message):
        negatives.NegativeSampler(7, weights)
