"""Random numbers that are a pure function of their keys (splitmix64).

They are the same in every process, on every machine and with every version of NumPy, which is
what keeps frozen negatives frozen and lets a stream of batches be entered at any step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

UInt64Array = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(values: npt.NDArray[Any] | np.uint64) -> UInt64Array:
    """Scrambles 64-bit numbers: the finaliser of splitmix64, a bijection."""
    mixed = np.array(values, dtype=np.uint64, copy=True)
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def random_bits(*keys: int | npt.NDArray[Any]) -> UInt64Array:
    """64 random bits for each combination of keys; arrays of keys broadcast."""
    state = np.zeros((1,), np.uint64)
    for key in keys:
        # Python integers wrap here: a negative seed is as good as any.
        part = np.asarray(key & 0xFFFFFFFFFFFFFFFF if isinstance(key, int) else key)
        state = mix((state + _GOLDEN) ^ mix(part.astype(np.uint64) + _GOLDEN))
    return state


def random_integers(
    high: int | npt.NDArray[Any], *keys: int | npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Uniform integers in [0, high); `high` broadcasts against the keys."""
    return np.floor(random_fractions(*keys) * high).astype(np.int64)


def random_fractions(*keys: int | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1), with 53 random bits each."""
    return (random_bits(*keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53
