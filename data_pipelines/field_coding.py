"""Raw columns of fields as codes and numbers, before any vocabulary is fitted."""

from __future__ import annotations

import functools
import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import (
    AnyField,
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
)
from data_pipelines.coding import MISSING, PADDING, Where, is_missing, numbers
from data_pipelines.errors import DataError
from data_pipelines.tables import Chunk
from data_pipelines.vocabulary_coding import VocabularyCoder, require_room

# A missing number is NaN; no raw number is infinite.
NUMBER_PADDING = np.inf
# NumPy counts the bytes of a row in 31 bits.
MAX_VALUES = 1 << 24

_log = logging.getLogger(__name__)


class FieldCoder:
    """Reads fields from the chunks of a table into arrays of codes and numbers.

    Args:
        spec: The unfitted spec.
        fields: The fields that the table has.
        coders: The coders of the spec's vocabularies, shared by all tables.
        step_separator: What stands between the steps of behaviour fields whose column holds a
            whole sequence as text; None where a row is one event.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        fields: Sequence[AnyField],
        coders: Mapping[str, VocabularyCoder],
        step_separator: str | None = None,
    ) -> None:
        self.fields = tuple(fields)
        self._coders = coders
        self._max_length = spec.max_length
        self._step_separator = step_separator
        sequences = filter(self._is_sequence, self.fields)
        has_steps = any(isinstance(field, CategoricalField) for field in sequences)
        self._history_field = spec.history_field if has_steps else None
        self._has_separator: dict[str, bool] = {}
        self._has_step_separator: dict[str, bool] = {}

    def dtype(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Members of a structured NumPy dtype that holds a coded row."""
        for field in self.fields:
            if math.prod(self.shape(field)) > MAX_VALUES:
                raise DataError(
                    f"A field must have at most {MAX_VALUES:,} values in a row: choose a smaller "
                    f"max_length or max_values. Received: {field.name!r} with {self.shape(field)}"
                )
        return [
            (field.name, "<f8" if isinstance(field, NumericField) else "<i4", self.shape(field))
            for field in self.fields
        ]

    def shape(self, field: AnyField) -> tuple[int, ...]:
        """Shape of a field's values in one row: `()`, `(values,)`, `(steps,)` or both."""
        values = (field.max_values,) if isinstance(field, MultiValuedField) else ()
        return (self._max_length, *values) if self._is_sequence(field) else values

    def _is_sequence(self, field: AnyField) -> bool:
        return self._step_separator is not None and field.role == "behavior"

    def missing(self, num_rows: int) -> npt.NDArray[Any]:
        """Coded rows of which nothing is known."""
        rows = np.zeros(num_rows, np.dtype(self.dtype()))
        for field in self.fields:
            if isinstance(field, NumericField):
                rows[field.name] = NUMBER_PADDING if self._is_sequence(field) else np.nan
            else:
                rows[field.name] = PADDING if self.shape(field) else MISSING
        return rows

    def encode(self, chunk: Chunk, out: npt.NDArray[Any]) -> None:
        """Fills the members of a structured array, one entry for each row of the chunk.

        Of texts that hold a sequence, steps without a value in the spec's `history_field` are no
        steps, in any field.
        """
        lengths: tuple[str, npt.NDArray[np.int64]] | None = None
        steps_of = self._split_sequences(chunk)
        present = self._present_steps(steps_of)
        for field in self.fields:
            encode = functools.partial(self._encode, field)
            if not self._is_sequence(field):
                out[field.name] = chunk.encode(field.name, encode)
                continue
            steps, where = steps_of[field.name], chunk.where(field.name)
            own = np.fromiter(map(len, steps), np.int64, len(steps))
            if lengths is not None and (own != lengths[1]).any():
                row = int(np.argmax(own != lengths[1]))
                raise DataError(
                    f"{where(row)}, must have as many steps as {lengths[0]!r}, "
                    f"{lengths[1][row]}. Received: {own[row]} steps"
                )
            lengths = field.name, own
            for row, flags in present.items():
                steps[row] = list(itertools.compress(steps[row], flags))
            out[field.name] = self._nested(
                steps,
                self._max_length,
                encode,
                NUMBER_PADDING if isinstance(field, NumericField) else PADDING,
                where,
                newest=True,
            )
        require_room(self._coders)

    def _split_sequences(self, chunk: Chunk) -> dict[str, list[list[Any]]]:
        """The steps of each row, by the field that is a sequence."""
        steps = {}
        for field in filter(self._is_sequence, self.fields):
            assert self._step_separator is not None
            column = chunk.column(field.name)
            _look_for(self._step_separator, column, self._has_step_separator, field.name)
            steps[field.name] = [split_values(value, self._step_separator) for value in column]
        return steps

    def _present_steps(self, steps: Mapping[str, list[list[Any]]]) -> dict[int, list[bool]]:
        """Of rows some of whose steps are missing: which are not."""
        if self._history_field is None:
            return {}
        flags = ([not is_missing(step) for step in own] for own in steps[self._history_field])
        return {row: own for row, own in enumerate(flags) if not all(own)}

    def warn_of_unused_separators(self) -> None:
        """Names on the log each field whose texts never held a separator of its own."""
        for field in self.fields:
            if self._has_step_separator.get(field.name) is False:
                _log.warning(
                    "The separator of steps %r stands in none of the texts of the field %r, so "
                    "that each has one step: check it.",
                    self._step_separator,
                    field.name,
                )
            if isinstance(field, MultiValuedField) and self._has_separator.get(field.name) is False:
                _log.warning(
                    "The separator %r of the field %r stands in none of its texts, so that each "
                    "has one value: check it.",
                    field.separator,
                    field.name,
                )

    def _encode(self, field: AnyField, column: Sequence[Any], where: Where) -> npt.NDArray[Any]:
        if isinstance(field, NumericField):
            return numbers(column, where)
        coder = self._coders[field.vocabulary]
        if isinstance(field, CategoricalField):
            return coder.encode(column, where)
        _look_for(field.separator, column, self._has_separator, field.name)
        sets = [
            [entry for entry in split_values(value, field.separator) if not is_missing(entry)]
            for value in column
        ]
        return self._nested(sets, field.max_values, coder.encode, PADDING, where)

    @staticmethod
    def _nested(
        lists: list[list[Any]],
        width: int,
        encode: Any,
        padding: float,
        where: Where,
        newest: bool = False,
    ) -> npt.NDArray[Any]:
        """Encodes the entries of all lists at once: `[rows, width, ...]`, right-padded."""
        kept = [entries[-width:] if newest else entries[:width] for entries in lists]
        lengths = np.fromiter(map(len, kept), np.int64, len(kept))
        ends = np.cumsum(lengths)

        def where_entry(index: int) -> str:
            return where(int(np.searchsorted(ends, index, "right")))

        encoded = encode([entry for entries in kept for entry in entries], where_entry)
        nested = np.full((len(lists), width, *encoded.shape[1:]), padding, encoded.dtype)
        nested[np.arange(width) < lengths[:, None]] = encoded
        return nested


def split_values(value: Any, separator: str) -> list[Any]:
    """The entries of a list, or of text with separators between them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return list(value)
    if is_missing(value):
        return []
    if isinstance(value, bytes) and separator.encode() in value:
        return value.split(separator.encode())
    return value.split(separator) if isinstance(value, str) else [value]


def _look_for(separator: str, column: Sequence[Any], found: dict[str, bool], name: str) -> None:
    """Notes whether a text of a column, so far, holds a separator; nothing where none is text."""
    texts = [value for value in column if isinstance(value, str) and value]
    if texts and not found.get(name):
        found[name] = any(separator in text for text in texts)
