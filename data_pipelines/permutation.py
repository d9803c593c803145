"""A seeded permutation with random access: the full shuffle that takes no memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.random_streams import mix, random_bits

_NUM_ROUNDS = 6


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
    low_bits = np.uint64(num_bits // 2)
    low_mask = np.uint64((1 << (num_bits // 2)) - 1)
    high_mask = np.uint64((1 << (num_bits - num_bits // 2)) - 1)
    round_keys = random_bits(*keys, np.arange(_NUM_ROUNDS))

    values = positions.astype(np.uint64).ravel()
    walking = np.arange(values.size)
    while walking.size:
        high, low = values[walking] >> low_bits, values[walking] & low_mask
        for index, key in enumerate(round_keys):
            if index % 2:
                low ^= mix(high ^ key) & low_mask
            else:
                high ^= mix(low ^ key) & high_mask
        values[walking] = (high << low_bits) | low
        walking = walking[values[walking] >= size]
    return values.astype(np.int64).reshape(positions.shape)
