"""Batches that NumPy makes from their number, as a prefetched `tf.data.Dataset`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def dataset_of_steps(
    make: Callable[[int], Any], first_step: int, num_steps: int | None, *, prefetch: int = 8
) -> Any:
    """A dataset whose element number `i` is `make(first_step + i)`.

    Args:
        make: Gives the nested arrays of a step. Called once here for their shapes and types, which
            must be the same for every step.
        first_step: First argument of `make`.
        num_steps: Number of elements; None for no end.
        prefetch: Elements that are made ahead.
    """
    import tensorflow as tf

    if first_step < 0 or (num_steps is not None and num_steps < 0):
        raise ValueError(
            "`first_step` and `num_steps` must not be negative. "
            f"Received: first_step={first_step}, num_steps={num_steps}"
        )
    example = make(first_step)
    arrays = [np.asarray(array) for array in tf.nest.flatten(example)]
    dtypes = [tf.as_dtype(array.dtype) for array in arrays]

    def make_flat(step: Any) -> Any:
        return tf.nest.flatten(make(int(step)))

    def make_tensors(step: Any) -> Any:
        tensors = tf.numpy_function(make_flat, [step], dtypes)
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.set_shape(array.shape)
        return tf.nest.pack_sequence_as(example, tensors)

    last = sys.maxsize if num_steps is None else first_step + num_steps
    steps = tf.data.Dataset.range(first_step, last)
    return steps.map(make_tensors, num_parallel_calls=1, deterministic=True).prefetch(prefetch)
