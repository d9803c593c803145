from __future__ import annotations

import itertools

import numpy as np
import pytest

from amer_tf.layers import HashedCross
from tests import helpers

IDS = {"user": np.array([1, 3, 2, 0, 9], "int32"), "hour": np.array([2, 1, 0, 1, -4], "int32")}


def test_layer_contract():
    helpers.check_layer(
        HashedCross,
        config={"num_rows": {"user": 4, "hour": 3}, "num_buckets": 100},
        inputs={"ids": IDS},
        output_shape=(5, 1),
        num_weights=0,
        gradient=False,
    )


def test_a_number_for_each_combination_where_there_is_room():
    # 1 + (user - 1) + 3 (hour - 1); padding gives 0, and what is outside counts as 1, unknown.
    layer = HashedCross({"user": 4, "hour": 3}, num_buckets=6)
    np.testing.assert_array_equal(layer(IDS), [[4], [3], [0], [0], [1]])
    assert layer.num_numbers == 7
    all_ids = np.array(list(itertools.product(range(1, 4), range(1, 3))), "int32")
    numbers = layer({"user": all_ids[:, 0], "hour": all_ids[:, 1]})
    assert sorted(np.asarray(numbers)[:, 0]) == list(range(1, 7))


def test_sets_are_crossed_value_by_value():
    layer = HashedCross({"tags": 5, "hour": 3, "words": 3}, num_buckets=50)
    ids = {
        "tags": np.array([[2, 4, 0], [0, 0, 0]], "int32"),
        "hour": np.array([2, 1], "int32"),
        "words": np.array([[1, 2], [1, 0]], "int32"),
    }
    # 1 + (tag - 1) + 4 (hour - 1) + 8 (word - 1)
    expected = [[1 + 1 + 4, 1 + 1 + 4 + 8, 1 + 3 + 4, 1 + 3 + 4 + 8, 0, 0], [0] * 6]
    np.testing.assert_array_equal(layer(ids), expected)


def hashed(*ids, num_buckets):
    """The same by NumPy, in 32 bits."""
    code = np.zeros(len(ids[0]), "uint32")
    for each in ids:
        code = code + (each.astype("uint32") - np.uint32(1))
        for shift in (16, 15):
            code ^= code >> np.uint32(shift)
            code = code * np.uint32(2654435769)
        code ^= code >> np.uint32(16)
    return 1 + (code % np.uint32(num_buckets)).astype("int32")


def test_hashed_where_there_is_no_room():
    generator = np.random.default_rng(0)
    user, item = (generator.integers(1, 100_000, 5000).astype("int32") for _ in range(2))
    layer = HashedCross({"user": 100_000, "item": 100_000}, num_buckets=1 << 16)
    numbers = np.asarray(layer({"user": user, "item": item}))[:, 0]
    np.testing.assert_array_equal(numbers, hashed(user, item, num_buckets=1 << 16))
    assert numbers.min() >= 1
    assert layer.num_numbers == 1 + (1 << 16)
    # Random numbers among 65,536 would leave about 4,814 of 5,000 different.
    assert 4750 < len(np.unique(numbers)) < 4870
    swapped = np.asarray(layer({"user": item, "item": user}))[:, 0]
    assert (swapped == numbers).mean() < 0.01


def test_neighbouring_ids_are_spread_over_the_buckets():
    user, hour = np.meshgrid(np.arange(1, 1001), np.arange(1, 101))
    ids = {"user": user.ravel().astype("int32"), "hour": hour.ravel().astype("int32")}
    layer = HashedCross({"user": 1001, "hour": 101}, num_buckets=1000)
    counts = np.bincount(np.asarray(layer(ids))[:, 0], minlength=1001)
    assert counts[0] == 0
    # 100 in each, give or take four standard deviations of a random choice and a little more.
    assert counts[1:].min() > 55
    assert counts[1:].max() < 150


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_rows": {}, "num_buckets": 3}, r"one or more fields.*Received: num_rows={}"),
        ({"num_rows": {"user": 1}, "num_buckets": 3}, r"Received: num_rows={'user': 1}"),
        ({"num_rows": {"user": 9}, "num_buckets": 0}, "from 1 to .*Received: num_buckets=0"),
        ({"num_rows": {"user": 9}, "num_buckets": 2**31}, "Received: num_buckets=2147483648"),
    ],
)
def test_arguments_that_make_no_sense(config, message):
    with pytest.raises(ValueError, match=message):
        HashedCross(**config)
