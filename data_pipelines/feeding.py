"""Batches that NumPy makes from their number, as a prefetched `tf.data.Dataset`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.permutation import permute

IntArray = npt.NDArray[np.int64]


def shuffled_examples(
    step: int, batch_size: int, num_examples: int, seed: int
) -> tuple[IntArray, IntArray]:
    """Which examples a step takes, where every epoch is a full shuffle of all of them.

    Returns: int64 `[batch_size]` twice: the examples' running numbers over all epochs, and which
        example of the split each is.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
    counters = step * batch_size + np.arange(batch_size, dtype=np.int64)
    epochs, positions = np.divmod(counters, num_examples)
    chosen = np.empty_like(positions)
    for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
        own = epochs == epoch
        chosen[own] = permute(positions[own], num_examples, seed, epoch)
    return counters, chosen


def dataset_of_steps(
    make: Callable[[int], Any],
    first_step: int,
    num_steps: int | None,
    *,
    finish: Callable[[Any], Any] | None = None,
    parallel: int = 1,
) -> Any:
    """A dataset whose element number `i` is made from `make(first_step + i)`.

    Args:
        make: Gives the nested NumPy arrays of a step. Called once here for their shapes and
            types, which must be the same for every step.
        first_step: First argument of `make`.
        num_steps: Number of elements; None for no end.
        finish: What TensorFlow makes of the tensors of a step, if anything.
        parallel: How many elements are made at a time.
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
        made = tf.nest.pack_sequence_as(example, tensors)
        return made if finish is None else finish(made)

    last = sys.maxsize if num_steps is None else first_step + num_steps
    steps = tf.data.Dataset.range(first_step, last)
    return steps.map(make_tensors, num_parallel_calls=parallel, deterministic=True).prefetch(8)
