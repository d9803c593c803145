"""The values of large variables, a block of rows at a time: no copy of a whole table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_BLOCK_BYTES = 1 << 26


def blocks_of(variable: Any) -> Iterator[Any]:
    """Gives what indexes the blocks of rows of a Keras variable, and of an array of its shape."""
    shape, dtype = tuple(variable.shape), np.dtype(variable.dtype)
    size = dtype.itemsize * int(np.prod(shape))
    if size <= _BLOCK_BYTES:
        yield ...
        return
    num_rows = max(_BLOCK_BYTES * shape[0] // size, 1)
    for start in range(0, shape[0], num_rows):
        yield slice(start, min(start + num_rows, shape[0]))


def read(variable: Any, rows: Any) -> Any:
    """The values of one of `blocks_of(variable)`, an array of their own."""
    if rows is ...:
        return np.asarray(variable.numpy())  # that of a scalar is no array
    # A slice would read the whole variable first.
    return tf.gather(variable.value, tf.range(rows.start, rows.stop)).numpy()


def write(variable: Any, rows: Any, values: Any) -> None:
    """Sets the values of one of `blocks_of(variable)`."""
    if rows is ...:
        variable.assign(values)
        return
    index = tf.range(rows.start, rows.stop)
    variable.value.scatter_update(tf.IndexedSlices(tf.convert_to_tensor(values), index))


def copies_of(variables: Sequence[Any]) -> list[Any]:
    """The values of variables as arrays."""
    arrays = [np.empty(variable.shape, variable.dtype) for variable in variables]
    copy_to(arrays, variables)
    return arrays


def copy_to(arrays: Sequence[Any], variables: Sequence[Any]) -> None:
    """Sets arrays to the values of variables."""
    for array, variable in zip(arrays, variables, strict=True):
        for rows in blocks_of(variable):
            array[rows] = read(variable, rows)


def assign(variables: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Sets variables to the values of arrays."""
    for variable, array in zip(variables, arrays, strict=True):
        for rows in blocks_of(variable):
            write(variable, rows, array[rows])


def swap(variables: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Exchanges the values of variables and of arrays."""
    for variable, array in zip(variables, arrays, strict=True):
        for rows in blocks_of(variable):
            values = read(variable, rows)
            write(variable, rows, array[rows])
            array[rows] = values
