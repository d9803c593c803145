"""Serialised `tf.Example`s to raw columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import Column
from amer_tf.export.encoding import require


class ExampleParser:
    """Reads raw columns out of `tf.Example`s, any of which may be absent or empty.

    A list is right-padded with missing values. What is nested, a set of values for each step,
    stands as one text for each step with the field's separator between the values, as in text
    files. A list of numbers is of float32, also where the column is of float64.

    Args:
        columns: The columns to read.
        separators: For each nested column its separator.
        lead: The column whose steps the other columns with steps follow; where it has none, theirs
            do not count. None where no column has steps.
    """

    def __init__(
        self, columns: Iterable[Column], separators: Mapping[str, str], lead: str | None
    ) -> None:
        self._columns = tuple(columns)
        self._separators = dict(separators)
        self._lead = lead

    def __call__(self, serialized: Any) -> dict[str, Any]:
        """Columns `[B]`, `[B, n]` or `[B, n, V]` of examples `[B]`."""
        features = {
            column.name: tf.io.RaggedFeature(
                tf.string if column.name in self._separators else _listed_dtype(column),
                row_splits_dtype=tf.int64,
            )
            for column in self._columns
        }
        parsed = tf.io.parse_example(serialized, features)
        steps = None if self._lead is None else parsed[self._lead].row_lengths()
        return {
            column.name: self._dense(column, self._typed(column, parsed[column.name]), steps)
            for column in self._columns
        }

    def _typed(self, column: Column, ragged: Any) -> Any:
        return tf.cast(ragged, column.dtype) if column.dtype == tf.float64 else ragged

    def _dense(self, column: Column, ragged: Any, steps: Any) -> Any:
        assert column.axes is not None
        lengths = ragged.row_lengths()
        if column.axes == ("batch",):
            check = require(tf.reduce_all(lengths <= 1), column.name, "at most one value", lengths)
            with tf.control_dependencies([check]):
                return ragged.to_tensor(column.missing, shape=[None, 1])[:, 0]
        if "steps" not in column.axes:
            return ragged.to_tensor(column.missing)
        expected = f"as many values as {self._lead!r}, or none"
        aligned = tf.reduce_all((lengths == steps) | (lengths == 0) | (steps == 0))
        with tf.control_dependencies([require(aligned, column.name, expected, lengths)]):
            if column.name in self._separators:
                ragged = self._split(column, ragged)
            longest = tf.reduce_max(steps, keepdims=True)
            shape = tf.concat([[-1], tf.maximum(longest, 0), [-1] * (len(column.axes) - 2)], 0)
            return ragged.to_tensor(column.missing, shape=shape)

    def _split(self, column: Column, ragged: Any) -> Any:
        """Texts `[B, (S)]` to their values `[B, (S), (V)]`."""
        values = tf.strings.split(ragged.flat_values, self._separators[column.name])
        if column.dtype != tf.string:
            # An empty text is an empty set, and no number.
            texts = values.flat_values
            texts = tf.where(texts == "", str(column.missing), texts)
            # Up to 18 digits fit 64 bits; the missing value has 19, and is spelt out.
            pattern = f"-?[0-9]{{1,18}}|{column.missing}"
            integers = tf.strings.regex_full_match(texts, pattern)
            expected = (
                f"integers of at most 18 digits with {self._separators[column.name]!r} between them"
            )
            check = require(tf.reduce_all(integers), column.name, expected, texts)
            with tf.control_dependencies([check]):
                numbers = tf.strings.to_number(texts, column.dtype)
            values = values.with_flat_values(numbers)
        return ragged.with_flat_values(values)


def _listed_dtype(column: Column) -> Any:
    """The type of a list of the column's values in a `tf.Example`, which knows no float64."""
    return tf.float32 if column.dtype == tf.float64 else column.dtype
