"""Raw columns to what the model reads, in the graph.

Letters: `B` batch, `S` steps as sent, `T` steps as kept, `V` values of a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import Column, row_field, step_field
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import (
    PADDING_ID,
    AnyField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
)


class InputEncoder:
    """Turns raw columns into the model's inputs, as data preparation does.

    A step of the history is one whose value in the column of steps is not missing; of these the
    newest `max_length` are kept, wherever the missing ones stand.

    Args:
        spec: The fitted spec.
        columns: The raw columns to read: of its input fields, or of some of them.
        tables: The tables of its vocabularies.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        columns: Mapping[str, Column],
        tables: Mapping[str, VocabularyTable],
    ) -> None:
        self._fields = [field for field in spec.input_fields if field.name in columns]
        self._max_length = spec.max_length
        self._rows = row_field(spec)
        self._steps = step_field(spec)
        self._columns = dict(columns)
        self._tables = dict(tables)

    def complete(self, raw: Mapping[str, Any], num_rows: int | None = None) -> dict[str, Any]:
        """Checks ranks and sizes, and fills columns that were left out with missing values.

        Where the column of steps has no rows there is no history, whatever the others hold.

        Args:
            raw: Tensors by column name.
            num_rows: How many rows there are; None: as many as the column of rows has.
        """
        ranked = {
            field.name: with_rank(raw[field.name], self._columns[field.name])
            for field in self._fields
        }
        if num_rows is None:
            rows = (tf.shape(ranked[self._rows])[0], f"as many rows as column {self._rows!r}")
        else:
            rows = (tf.constant(num_rows), f"{num_rows} row" + "s" * (num_rows != 1))
        sizes = {"rows": rows}
        if self._steps in ranked:
            shape = tf.shape(ranked[self._steps])
            sizes["steps"] = (shape[1], f"as many steps as column {self._steps!r}")
            if self._steps != self._rows:
                kept = tf.where(shape[0] > 0, tf.int32.max, 0)
                for field in self._fields:
                    if field.role == "behavior":
                        ranked[field.name] = ranked[field.name][:, :kept]
        return {
            name: _filled(values, self._columns[name], sizes) for name, values in ranked.items()
        }

    def __call__(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Model inputs `[B, T, ...]` and `[B, ...]`, by field name, of complete raw columns."""
        inputs = {
            field.name: self._encode(field, raw[field.name])
            for field in self._fields
            if field.role != "behavior"
        }
        if self._steps in raw:
            inputs |= self._encode_history(raw)
        return inputs

    def _encode_history(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The newest steps of the behaviour fields, `[B, T, ...]`."""
        assert self._steps is not None
        present = raw[self._steps] != self._columns[self._steps].missing  # [B, S]
        positions = kept_positions(present, self._max_length, newest=True)  # [B, T]
        valid = positions < tf.shape(present)[1]
        inputs = {}
        for field in self._fields:
            if field.role == "behavior":
                values = take(raw[field.name], positions, self._columns[field.name].missing)
                encoded = self._encode(field, values)
                extended = valid[..., None] if isinstance(field, MultiValuedField) else valid
                inputs[field.name] = tf.where(extended, encoded, tf.zeros([], encoded.dtype))
        return inputs

    def _encode(self, field: AnyField, values: Any) -> Any:
        if isinstance(field, NumericField):
            return normalize(values, field.normalization)
        table = self._tables[field.vocabulary]
        if not isinstance(field, MultiValuedField):
            return table.ids(values)
        shape = tf.shape(values)  # [..., V]
        sets = tf.reshape(values, [tf.reduce_prod(shape[:-1]), shape[-1]])
        positions = kept_positions(sets != table.missing, field.max_values, newest=False)
        ids = table.ids(take(sets, positions, table.missing))
        ids = tf.where(positions < shape[-1], ids, PADDING_ID)
        return tf.reshape(ids, tf.concat([shape[:-1], [field.max_values]], 0))


def with_rank(values: Any, column: Column) -> Any:
    """The values; at serving time an error that names the column where the rank is another."""
    assert column.axes is not None
    return tf.ensure_shape(values, [None] * len(column.axes))


def require(condition: Any, column: str, expected: str, received: Any) -> Any:
    """An assertion of the graph about a column."""
    message = f"Column {column!r} must have {expected}. Received:"
    return tf.debugging.Assert(condition, [message, received])


def kept_positions(present: Any, width: int, *, newest: bool) -> Any:
    """Where the first, or newest, `width` present entries of each row stand, in order.

    Args:
        present: Bool `[N, S]`.
        width: How many are kept.
        newest: Whether the last ones are kept instead of the first.

    Returns: int32 `[N, width]`, filled up with `S` on the right.
    """
    size = tf.shape(present)[1]
    positions = tf.broadcast_to(tf.range(size), tf.shape(present))
    kept = tf.ragged.boolean_mask(positions, present)
    kept = kept[:, -width:] if newest else kept[:, :width]
    return kept.to_tensor(default_value=size, shape=[None, width])


def take(values: Any, positions: Any, missing: Any) -> Any:
    """`values[n, positions[n]]`, and `missing` at position `S`: `[N, S, ...]` to `[N, T, ...]`."""
    paddings = [[0, 0], [0, 1]] + [[0, 0]] * (values.shape.rank - 2)
    extended = tf.pad(values, paddings, constant_values=tf.constant(missing, values.dtype))
    return tf.gather(extended, positions, batch_dims=1)


def normalize(values: Any, normalization: Normalization) -> Any:
    """float32 numbers in [-1, 1], NaN read as the mean; see `Normalization`."""
    # As in data preparation: float32 would blur a small range far from 0.
    numbers = tf.cast(values, tf.float64)
    missing = tf.math.is_nan(numbers)
    if normalization.log:
        numbers = tf.math.log1p(tf.maximum(numbers, 0.0))
    low, high, mean = (
        tf.constant(number, tf.float64)
        for number in (normalization.low, normalization.high, normalization.mean)
    )
    numbers = tf.where(missing, mean, numbers)
    scaled = 2.0 * (tf.clip_by_value(numbers, low, high) - low) / (high - low) - 1.0
    return tf.cast(scaled, tf.float32)


def _filled(values: Any, column: Column, sizes: Mapping[str, tuple[Any, str]]) -> Any:
    """`values` with as many rows and steps as there are; where it has none of them, missing ones.

    Args:
        values: A raw column.
        column: Its description.
        sizes: Of `"rows"` and `"steps"` how many there are, and how an error puts it.
    """
    assert column.axes is not None
    shape = tf.shape(values)
    checks, paddings = [], []
    for axis, counted in enumerate(column.axes):
        if axis and counted != "steps":
            paddings.append([0, 0])
            continue
        wanted, expected = sizes["steps" if axis else "rows"]
        size = shape[axis]
        fits = (size == wanted) | (size == 0)
        checks.append(require(fits, column.name, f"{expected}, or none", shape))
        paddings.append([0, wanted - size])
    with tf.control_dependencies(checks):
        filler = tf.constant(column.missing, values.dtype)
        return tf.pad(values, paddings, constant_values=filler)
