"""Raw columns to what the model reads, in the graph.

Letters: `B` batch, `S` steps as sent, `T` steps as kept, `V` values of a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import Column, lead_field
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

    A step of the history is one whose item is not missing; of these the newest `max_length` are
    kept, wherever the missing ones stand.

    Args:
        spec: The fitted spec.
        columns: The raw columns of its input fields.
        tables: The tables of its vocabularies.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        columns: Mapping[str, Column],
        tables: Mapping[str, VocabularyTable],
    ) -> None:
        self._spec = spec
        self._lead = lead_field(spec)
        self._columns = dict(columns)
        self._tables = dict(tables)

    def complete(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Checks ranks and sizes, and fills columns that were left out with missing values."""
        lead = with_rank(raw[self._lead], self._columns[self._lead])  # [B, S] or [B]
        whole = {self._lead: lead}
        for field in self._spec.input_fields:
            if field.name != self._lead:
                column = self._columns[field.name]
                values = with_rank(raw[field.name], column)
                whole[field.name] = _filled(values, column, tf.shape(lead), self._lead)
        return whole

    def __call__(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Model inputs `[B, T, ...]` and `[B, ...]`, by field name, of complete raw columns."""
        inputs = {
            field.name: self._encode(field, raw[field.name])
            for field in self._spec.input_fields
            if field.role != "behavior"
        }
        if self._spec.with_role("behavior"):
            inputs |= self._encode_history(raw)
        return inputs

    def _encode_history(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The newest steps of the behaviour fields, `[B, T, ...]`."""
        present = raw[self._lead] != self._columns[self._lead].missing  # [B, S]
        positions = kept_positions(present, self._spec.max_length, newest=True)  # [B, T]
        valid = positions < tf.shape(present)[1]
        inputs = {}
        for field in self._spec.with_role("behavior"):
            if field.name in self._columns:
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


def _filled(values: Any, column: Column, lead_shape: Any, lead: str) -> Any:
    """`values` with the rows and steps of the lead; where it has none of them, missing ones."""
    assert column.axes is not None
    shape = tf.shape(values)
    checks, paddings = [], []
    for axis, counted in enumerate(column.axes):
        if counted == "values":
            paddings.append([0, 0])
            continue
        size, wanted = shape[axis], lead_shape[axis]
        rows = "rows" if counted == "batch" else "steps"
        expected = f"as many {rows} as column {lead!r}, or none"
        checks.append(require((size == wanted) | (size == 0), column.name, expected, shape))
        paddings.append([0, wanted - size])
    with tf.control_dependencies(checks):
        filler = tf.constant(column.missing, values.dtype)
        return tf.pad(values, paddings, constant_values=filler)
