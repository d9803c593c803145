"""Raw columns as requests carry them: names, types, shapes and what stands for no value."""

from __future__ import annotations

import dataclasses
import keyword
import math
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.errors import ExportError
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import (
    AnyField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
)

# Inputs and outputs beside the fields.
EXCLUDE_SEEN, NUM_ITEMS, SCORE, ROW_SPLITS = "exclude_seen", "k", "score", "row_splits"
# Numbers are sent as float32 where that moves none by more than this part of its fitted range.
_BLUR = 1e-6


@dataclasses.dataclass(frozen=True)
class Column:
    """One input or output of a signature.

    Args:
        name: Its name; for an input column that of the field.
        dtype: Its TensorFlow type.
        axes: What its axes count, the first one rows such as `"batch"`; None where a scalar, or
            one value for each row, is taken.
        missing: What stands for a value that is not there; None where there is no such thing.
        note: What it means, for readers.
        default: What a request that leaves it out gets, or None where it may not be left out.
    """

    name: str
    dtype: Any
    axes: tuple[str, ...] | None
    missing: str | int | float | None = None
    note: str = ""
    default: Any = None

    @property
    def tensor_spec(self) -> Any:
        shape = None if self.axes is None else [None] * len(self.axes)
        return tf.TensorSpec(shape, self.dtype, name=self.name)

    def optional(self) -> Column:
        """The same column, which a request may leave out: no row then stands for all."""
        assert self.axes is not None
        return dataclasses.replace(self, default=tf.zeros([0] * len(self.axes), self.dtype))


def input_columns(spec: FeatureSpec, tables: Mapping[str, VocabularyTable]) -> dict[str, Column]:
    """The raw columns of `spec.input_fields`, by name; all but the one of rows may be left out."""
    columns = {}
    rows, steps = row_field(spec), step_field(spec)
    for field in spec.input_fields:
        column = _input_column(field, tables)
        if field.name == steps:
            entry = "the item" if spec.task == "next_item" else "a value"
            note = f"{field.role}: {entry} of each step, oldest first; tells which steps there are"
            column = dataclasses.replace(column, note=note)
        columns[field.name] = column if field.name == rows else column.optional()
    return columns


def row_field(spec: FeatureSpec) -> str:
    """The field whose column tells how many rows a request has, and may not be left out.

    The items of the history for next_item; else the item, or the first field that is no behaviour.
    """
    if spec.task == "next_item":
        return spec.history_field
    if spec.target_to_behavior:
        return spec.item_field
    targets, others = spec.with_role("target"), spec.with_role("profile", "context")
    return (*targets, *others, *spec.input_fields)[0].name


def step_field(spec: FeatureSpec) -> str | None:
    """The behaviour field whose column tells which steps there are; None without behaviour."""
    return spec.history_field if spec.with_role("behavior") else None


def _input_column(field: AnyField, tables: Mapping[str, VocabularyTable]) -> Column:
    axes: tuple[str, ...] = ("batch", "steps") if field.role == "behavior" else ("batch",)
    if isinstance(field, NumericField):
        dtype = number_dtype(field.normalization)
        note = f"{field.role}: a number"
        if dtype == tf.float64:
            note += ", which float32 would blur"
        return Column(field.name, dtype, axes, math.nan, note)
    table = tables[field.vocabulary]
    if isinstance(field, MultiValuedField):
        note = f"{field.role}: a set of values, of which the first {field.max_values} count"
        return Column(field.name, table.dtype, (*axes, "values"), table.missing, note)
    return Column(field.name, table.dtype, axes, table.missing, f"{field.role}: a value")


def number_dtype(normalization: Normalization) -> Any:
    """The type of a raw number: float64 where float32 would blur it, else float32.

    Seconds since 1970 are rounded by up to 64 in float32, whatever the range that matters is.
    """
    low, high = normalization.low, normalization.high
    if low is None or high is None:
        return tf.float32
    # A number that is off by a part of itself has a logarithm that is off by that part.
    size = 1.0 if normalization.log else max(abs(low), abs(high))
    return tf.float64 if size * 2.0**-24 > _BLUR * (high - low) else tf.float32


def check_field_names(spec: FeatureSpec) -> None:
    """Raises where the fields of a spec could not name what a SavedModel takes and gives."""
    fields = [field.name for field in spec.input_fields]
    if spec.task == "next_item":
        item = spec.item_field
        signatures = [[*fields, item], [*fields, EXCLUDE_SEEN, NUM_ITEMS], [item, SCORE]]
    elif has_ragged_signature(spec):
        signatures = [[*fields, ROW_SPLITS]]
    else:
        signatures = [fields]
    for names in signatures:
        check_names(Column(name, None, None) for name in names)


def has_ragged_signature(spec: FeatureSpec) -> bool:
    """Whether a model of task ctr also takes the steps of all rows in one list."""
    return step_field(spec) is not None and spec.field(row_field(spec)).role != "behavior"


def check_names(columns: Iterable[Column]) -> None:
    """Raises where TensorFlow could not name an input or output of one signature like this."""
    seen: dict[str, str] = {}
    for column in columns:
        if keyword.iskeyword(column.name):
            raise ExportError(
                "A word of the Python language cannot name an input of a signature: rename the "
                f"field. Received: {column.name!r}"
            )
        other = seen.get(column.name.lower())
        if other is not None:
            raise ExportError(
                "The columns of a signature must differ in more than upper and lower case: rename "
                f"one field. Received: {other!r} and {column.name!r}"
            )
        seen[column.name.lower()] = column.name
