"""How the values of a row stand in int32 columns, on disk and in the item catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import (
    CategoricalField,
    MultiValuedField,
    Normalization,
    NumericField,
)

AnyField = CategoricalField | MultiValuedField | NumericField


@dataclasses.dataclass(frozen=True)
class Column:
    """One field's place in a row.

    Args:
        name: The field's name.
        dtype: `"int32"`, or `"float32"` for numbers, whose bits are stored.
        shape: Shape of its values in one row, `()` for a single id.
        offset: First of the int32 columns that it takes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def width(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def decode(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """The field's values `[..., *shape]` out of rows `[..., width of the row]`."""
        values = rows[..., self.offset : self.offset + self.width]
        values = np.ascontiguousarray(values).view(self.dtype)
        return values.reshape(*rows.shape[:-1], *self.shape)


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """All columns of a row.

    A categorical field takes one column (its id), a multi-valued one `max_values` (ids, padded
    with 0), a numeric one two (float32 bits of the normalised number and of the missing flag);
    a field that holds a whole behaviour sequence takes that many for each step.
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, fields: Iterable[AnyField], steps: int | None = None) -> RowLayout:
        """Lays out fields one after another; behaviour fields get `steps` steps if given."""
        columns: list[Column] = []
        offset = 0
        for field in fields:
            sequence = (steps,) if steps and field.role == "behavior" else ()
            if isinstance(field, NumericField):
                column = Column(field.name, "float32", (*sequence, 2), offset)
            elif isinstance(field, MultiValuedField):
                column = Column(field.name, "int32", (*sequence, field.max_values), offset)
            else:
                column = Column(field.name, "int32", sequence, offset)
            columns.append(column)
            offset += column.width
        return cls(tuple(columns))

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns)

    def to_json(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> RowLayout:
        return cls(tuple(Column(**{**entry, "shape": tuple(entry["shape"])}) for entry in data))

    def encode(
        self,
        fields: Iterable[AnyField],
        coded: npt.NDArray[Any],
        ids: Mapping[str, npt.NDArray[np.int32]],
    ) -> npt.NDArray[np.int32]:
        """Rows of a structured array of codes as rows of ids and number bits.

        Args:
            fields: The fitted fields, in the order of the columns.
            coded: Structured array `[rows]` with a member for each field.
            ids: For each vocabulary the look-up table from codes to ids.

        Returns: int32 `[rows, width]`.
        """
        rows = np.zeros((len(coded), self.width), np.int32)
        for column, field in zip(self.columns, fields, strict=True):
            values = coded[field.name]
            if isinstance(field, NumericField):
                encoded = normalize(values, field.normalization).view(np.int32)
            else:
                encoded = ids[field.vocabulary][values]
            rows[:, column.offset : column.offset + column.width] = encoded.reshape(len(coded), -1)
        return rows


def normalize(
    values: npt.NDArray[np.float64], normalization: Normalization
) -> npt.NDArray[np.float32]:
    """Numbers in [-1, 1] and a flag for missing ones; see `Normalization`.

    Returns: float32 of the shape of `values` and a last axis of 2: number, flag.
    """
    low, high, mean = normalization.low, normalization.high, normalization.mean
    assert low is not None
    assert high is not None
    assert mean is not None
    missing = np.isnan(values)
    numbers = np.log1p(np.maximum(values, 0.0)) if normalization.log else values
    numbers = np.where(missing, mean, numbers)
    scaled = 2.0 * (np.clip(numbers, low, high) - low) / (high - low) - 1.0
    return np.stack([scaled, missing], axis=-1).astype(np.float32)
