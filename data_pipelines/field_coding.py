"""Raw columns of a field as codes and numbers, before any vocabulary is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    Vocabulary,
)
from data_pipelines.coding import MISSING, ValueIndex, clean_values, is_missing, numbers
from data_pipelines.errors import DataError
from data_pipelines.tables import Chunk

AnyField = CategoricalField | MultiValuedField | NumericField

# As an index from the end of a look-up table, beside MISSING = -1.
PADDING = -2


class VocabularyCoder:
    """Codes of one vocabulary: its ids less the reserved ones, or order of appearance.

    Only source `"fit"` has to count its codes later; those of the other sources are final.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.index = ValueIndex(vocabulary.dtype)
        self._known: dict[Any, int] = {}
        if vocabulary.source in ("values", "file"):
            self._known = {value: code for code, value in enumerate(vocabulary.read_values())}

    def encode(self, values: Sequence[Any], place: str, first_row: int) -> npt.NDArray[np.int32]:
        source = self.vocabulary.source
        if source == "fit":
            return self.index.encode(values, place, first_row)
        clean = clean_values(values, self.vocabulary.dtype, place, first_row)
        if source == "hash":
            return hash_values(clean, self.vocabulary.num_rows - 2)
        if source == "integer":
            size = self.vocabulary.num_rows - 2
            return np.array(
                [value if value is not None and 0 <= value < size else MISSING for value in clean],
                np.int32,
            )
        return np.array([self._known.get(value, MISSING) for value in clean], np.int32)


def hash_values(values: Sequence[Any], num_buckets: int) -> npt.NDArray[np.int32]:
    """Buckets of text or integers, -1 where one is None.

    The hash is that of `tf.strings.to_hash_bucket_fast` over the value's text, so that a serving
    graph computes the same.
    """
    import tensorflow as tf

    texts = ["" if value is None else str(value) for value in values]
    buckets = tf.strings.to_hash_bucket_fast(tf.constant(texts, tf.string), num_buckets).numpy()
    absent = np.fromiter((value is None for value in values), bool, len(values))
    return np.where(absent, MISSING, buckets).astype(np.int32)


class FieldCoder:
    """Reads fields from the chunks of a table into arrays of codes and numbers.

    Args:
        spec: The unfitted spec.
        fields: The fields that the table has.
        coders: The coders of the spec's vocabularies, shared by all tables.
        steps: Steps of the behaviour fields whose column holds a whole sequence, else None.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        fields: Sequence[AnyField],
        coders: Mapping[str, VocabularyCoder],
        steps: int | None = None,
    ) -> None:
        self.spec = spec
        self.fields = tuple(fields)
        self._coders = coders
        self._steps = steps

    def dtype(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Members of a structured NumPy dtype that holds a coded row."""
        return [
            (field.name, "<f8" if isinstance(field, NumericField) else "<i4", self.shape(field))
            for field in self.fields
        ]

    def missing(self, num_rows: int) -> npt.NDArray[Any]:
        """Coded rows of which nothing is known."""
        rows = np.zeros(num_rows, np.dtype(self.dtype()))
        for field in self.fields:
            if isinstance(field, NumericField):
                rows[field.name] = np.nan
            else:
                rows[field.name] = PADDING if self.shape(field) else MISSING
        return rows

    def shape(self, field: AnyField) -> tuple[int, ...]:
        """Shape of a field's values in one row: `()`, `(values,)`, `(steps,)` or both."""
        steps = (self._steps,) if self._steps and field.role == "behavior" else ()
        values = (field.max_values,) if isinstance(field, MultiValuedField) else ()
        return steps + values

    def encode(self, chunk: Chunk, out: npt.NDArray[Any]) -> None:
        """Fills the members of a structured array, one entry for each row of the chunk."""
        for field in self.fields:
            column = chunk.column(field.name)
            place = f"{chunk.place}, column {field.name!r}"
            out[field.name] = self._encode(field, column, place, chunk.first_row)

    def _encode(
        self, field: AnyField, column: Sequence[Any], place: str, first_row: int
    ) -> npt.NDArray[Any]:
        if isinstance(field, NumericField):
            return numbers(column, place, first_row)
        coder = self._coders[field.vocabulary]
        if isinstance(field, CategoricalField):
            return coder.encode(column, place, first_row)
        sets = [split_values(value, field.separator)[: field.max_values] for value in column]
        return self._pad(sets, field.max_values, coder, place, first_row)

    @staticmethod
    def _pad(
        sets: list[list[Any]], width: int, coder: VocabularyCoder, place: str, first_row: int
    ) -> npt.NDArray[np.int32]:
        lengths = np.fromiter(map(len, sets), np.int64, len(sets))
        padded = np.full((len(sets), width), PADDING, np.int32)
        try:
            codes = coder.encode([value for values in sets for value in values], place, first_row)
        except DataError:
            # Once more, one row after another, to tell which row it is.
            for row, values in enumerate(sets, first_row):
                clean_values(values, coder.vocabulary.dtype, place, row)
            raise
        padded[np.arange(width) < lengths[:, None]] = codes
        return padded


def split_values(value: Any, separator: str) -> list[Any]:
    """The values of a set or sequence: of a list, or of text with separators."""
    if is_missing(value) if not isinstance(value, (list, tuple, np.ndarray)) else False:
        return []
    if isinstance(value, str):
        value = value.split(separator)
    elif not isinstance(value, (list, tuple, np.ndarray)):
        return [value]
    return [entry for entry in value if not is_missing(entry)]
