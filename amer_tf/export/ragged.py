"""Behaviour as ragged tensors: the events of all rows in one list, and where each row begins.

Letters: `B` rows, `E` events of all rows, `S` steps of the longest history.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import ROW_SPLITS, Column
from amer_tf.export.encoding import require, with_rank
from amer_tf.export.signatures import Signature

_ROW_SPLITS = Column(
    ROW_SPLITS,
    tf.int64,
    ("batch + 1",),
    note="where in the lists of events each row begins, and at last where the last one ends",
).optional()


def predict_ragged(rows: Signature, row_column: str, step_column: str) -> Signature:
    """What a signature answers, its columns with steps as parts of a `tf.RaggedTensor`.

    A signature carries dense tensors alone: TensorFlow would take a ragged one `x` apart into
    inputs called `x` and `x_1`, without checks and without defaults.

    Args:
        rows: The signature of padded columns.
        row_column: The column that tells how many rows there are.
        step_column: The column that tells which steps there are.
    """
    steps = [column for column in rows.inputs if column.axes and "steps" in column.axes]
    flat = {
        column.name: dataclasses.replace(column, axes=("events", *(column.axes or ())[2:]))
        for column in steps
    }
    flat = {name: column.optional() for name, column in flat.items()}

    def compute(raw: Mapping[str, Any]) -> Mapping[str, Any]:
        columns = {name: with_rank(raw[name], column) for name, column in flat.items()}
        num_events = tf.shape(columns[step_column], tf.int64)[0]
        splits = with_rank(raw[_ROW_SPLITS.name], _ROW_SPLITS)
        num_rows = tf.shape(raw[row_column], tf.int64)[0]
        splits = _checked_splits(splits, num_rows, num_events, row_column, step_column)
        padded = {
            name: _padded(values, flat[name], splits, num_events, step_column)
            for name, values in columns.items()
        }
        others = {column.name: raw[column.name] for column in rows.inputs if column not in steps}
        return rows.compute({**others, **padded})

    return Signature(
        name="predict_ragged",
        summary=f"The same as `{rows.name}` with the steps of all rows in one list, as the "
        "`flat_values` and `row_splits` of `tf.RaggedTensor`s: a signature takes dense tensors "
        "alone. The columns with steps share one `row_splits`.",
        inputs=(*(flat.get(column.name, column) for column in rows.inputs), _ROW_SPLITS),
        outputs=rows.outputs,
        compute=compute,
        example=_flat_example(rows.example, flat, step_column),
    )


def _checked_splits(
    splits: Any, num_rows: Any, num_events: Any, row_column: str, step_column: str
) -> Any:
    """`[B + 1]`, or an error; where they were left out no row has any event."""
    size = tf.size(splits, tf.int64)
    splits = tf.cond(size == 0, lambda: tf.zeros([num_rows + 1], tf.int64), lambda: splits)
    size = tf.size(splits, tf.int64)
    name = _ROW_SPLITS.name
    checks = [
        require(size == num_rows + 1, name, f"one number more than {row_column!r} has rows", size),
        require(
            (splits[0] == 0)
            & tf.reduce_all(splits[1:] >= splits[:-1])
            & (splits[-1] == num_events),
            name,
            f"numbers that rise from 0 to the number of events in {step_column!r}",
            splits,
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(splits)


def _padded(values: Any, column: Column, splits: Any, num_events: Any, step_column: str) -> Any:
    """`[B, S, ...]` of `[E, ...]`, or of none at all."""
    shape = tf.shape(values, tf.int64)
    fits = (shape[0] == num_events) | (shape[0] == 0)
    expected = f"as many events as column {step_column!r}, or none"
    with tf.control_dependencies([require(fits, column.name, expected, shape)]):
        missing = tf.constant(column.missing, values.dtype)
        paddings = [[0, num_events - shape[0]]] + [[0, 0]] * (values.shape.rank - 1)
        values = tf.pad(values, paddings, constant_values=missing)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False).to_tensor(missing)


def _flat_example(
    example: Mapping[str, Any], flat: Mapping[str, Column], step_column: str
) -> dict[str, Any]:
    """The example request, of one row, with its events in flat lists."""
    return {
        **{name: value[0] if name in flat else value for name, value in example.items()},
        _ROW_SPLITS.name: [0, len(example[step_column][0])],
    }
