"""A seeded permutation with random access: the full shuffle that takes no memory."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.random_streams import UInt64Array, random_bits

_NUM_ROUNDS = 8
_SUBSET = 5
_MULTIPLIER = np.uint64(0xD1342543DE82EF95)


def permute(positions: npt.NDArray[Any], size: int, *keys: int) -> npt.NDArray[np.int64]:
    """Where a pseudo-random permutation of `range(size)` sends these positions.

    A Feistel network over the smallest power of two that holds `size`; a result outside the range
    is sent through it again until it falls inside (cycle walking), fewer than two times on
    average. See Black and Rogaway, "Ciphers with arbitrary finite domains", 2002.

    Args:
        positions: Integers in [0, size), of any shape.
        size: Number of rows that are permuted.
        *keys: Which permutation: seed, epoch ...

    Returns: int64 of the shape of `positions`.
    """
    if size < 1:
        raise ValueError(f"`size` must be at least 1. Received: size={size}")
    num_bits = max(2, (size - 1).bit_length())
    round_keys = _round_keys(*keys)
    values = _feistel(positions.astype(np.uint64).ravel(), num_bits, round_keys)
    while (outside := np.flatnonzero(values >= size)).size:
        values[outside] = _feistel(values[outside], num_bits, round_keys)
    return values.astype(np.int64).reshape(positions.shape)


def random_subset(num_chosen: int, size: int, seed: int) -> npt.NDArray[np.int64]:
    """Fixed random numbers out of `range(size)`, ascending; all where `size` is no more."""
    if num_chosen < 1:
        raise ValueError(f"`num_examples` must be at least 1. Received: num_examples={num_chosen}")
    return np.sort(permute(np.arange(min(num_chosen, size)), size, seed, _SUBSET))


@functools.lru_cache(maxsize=64)
def _round_keys(*keys: int) -> UInt64Array:
    return random_bits(*keys, np.arange(_NUM_ROUNDS))


def _feistel(values: UInt64Array, num_bits: int, round_keys: UInt64Array) -> UInt64Array:
    """Maps numbers of `num_bits` bits one to one: each round changes one half by the other."""
    low_bits = np.uint64(num_bits // 2)
    low_mask = np.uint64((1 << (num_bits // 2)) - 1)
    high_mask = np.uint64((1 << (num_bits - num_bits // 2)) - 1)
    high, low = values >> low_bits, values & low_mask
    scrambled = np.empty_like(values)
    for index, key in enumerate(round_keys):
        read, changed, mask = (high, low, low_mask) if index % 2 else (low, high, high_mask)
        np.add(read, key, out=scrambled)
        scrambled *= _MULTIPLIER
        scrambled ^= scrambled >> np.uint64(29)
        scrambled *= _MULTIPLIER
        scrambled >>= np.uint64(32)
        scrambled &= mask
        changed ^= scrambled
    return (high << low_bits) | low
