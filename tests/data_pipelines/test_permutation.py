from __future__ import annotations

import numpy as np
import pytest

from data_pipelines.permutation import permute, random_subset
from data_pipelines.random_streams import random_bits, random_fractions, random_integers


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 31, 32, 33, 1000, 4097, 100_003])
def test_every_position_is_hit_once(size: int) -> None:
    for epoch in range(3):
        order = permute(np.arange(size), size, 0, epoch)
        np.testing.assert_array_equal(np.sort(order), np.arange(size))


def test_positions_can_be_asked_for_in_any_shape_and_order() -> None:
    whole = permute(np.arange(1000), 1000, 7)
    some = np.array([[999, 3], [0, 500]])
    np.testing.assert_array_equal(permute(some, 1000, 7), whole[some])


def test_keys_give_different_orders() -> None:
    orders = {tuple(permute(np.arange(50), 50, *keys)) for keys in [(0, 0), (0, 1), (1, 0), (5,)]}
    assert len(orders) == 4


def test_no_structure_is_left() -> None:
    # Over many keys every position goes everywhere equally often: chi-square with 15 * 15
    # degrees of freedom, of mean 225 and standard deviation 21.
    counts = np.zeros((16, 16))
    for key in range(1600):
        counts[np.arange(16), permute(np.arange(16), 16, key)] += 1
    assert ((counts - 100) ** 2 / 100).sum() < 225 + 5 * 21
    # Neighbours do not stay neighbours: in a random order 2 pairs of 1000 do, on average.
    order = permute(np.arange(1000), 1000, 3)
    assert (np.abs(np.diff(order)) == 1).sum() < 12


def test_numbers_beyond_32_bits() -> None:
    size = 3 * 2**40
    order = permute(np.arange(size - 1000, size), size, 1)
    assert len(np.unique(order)) == 1000
    assert order.min() >= 0
    assert order.max() < size


def test_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="`size` must be at least 1. Received: size=0"):
        permute(np.arange(0), 0)


def test_a_random_subset_is_ascending_distinct_and_fixed() -> None:
    subset = random_subset(10, 100, seed=3)
    assert len(subset) == 10
    assert (np.diff(subset) > 0).all()
    np.testing.assert_array_equal(subset, random_subset(10, 100, seed=3))
    assert subset.tolist() != random_subset(10, 100, seed=4).tolist()
    assert random_subset(200, 100, seed=3).tolist() == list(range(100))
    with pytest.raises(ValueError, match="at least 1. Received: num_examples=0"):
        random_subset(0, 100, seed=3)


def test_random_numbers_never_change() -> None:
    # Frozen candidates rest on these values.
    assert random_bits(0).tolist() == [0x0397AB29740681D9]
    assert random_bits(1, 2).tolist() == [0x7947B6CB424A7ED5]


def test_keys_broadcast_and_order_matters() -> None:
    grid = random_bits(5, np.arange(3)[:, None], np.arange(4))
    assert grid.shape == (3, 4)
    assert grid[2, 3] == random_bits(5, 2, 3)
    assert len(np.unique(grid)) == 12
    assert random_bits(2, 3) != random_bits(3, 2)
    assert random_bits(-1) == random_bits(2**64 - 1)


def test_random_integers_are_uniform() -> None:
    numbers = random_integers(np.array([[1], [10]]), 0, np.arange(10_000))
    assert numbers.shape == (2, 10_000)
    assert (numbers[0] == 0).all()
    counts = np.bincount(numbers[1], minlength=10)
    assert abs(counts - 1000).max() < 150
    fractions = random_fractions(0, np.arange(10_000))
    assert fractions.min() >= 0
    assert fractions.max() < 1
    np.testing.assert_allclose(fractions.mean(), 0.5, atol=0.02)
