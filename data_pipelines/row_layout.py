"""How the values of a row stand in int32 columns, on disk and in the item catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import AnyField, MultiValuedField, Normalization, NumericField
from data_pipelines.errors import DataError

MISSING_SUFFIX = "_missing"


@dataclasses.dataclass(frozen=True)
class Column:
    """One field's place in a row.

    Args:
        name: The field's name, or for the flag of a numeric field that and `_missing`.
        dtype: `"int32"`, or `"float32"` for numbers and flags, whose bits are stored.
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

    @property
    def end(self) -> int:
        return self.offset + self.width

    def decode(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """The field's values `[..., *shape]` out of rows `[..., width of the row]`."""
        values = np.ascontiguousarray(rows[..., self.offset : self.end]).view(self.dtype)
        return values.reshape(*rows.shape[:-1], *self.shape)


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """All columns of a row.

    A categorical field takes one column (its id), a multi-valued one `max_values` (ids, padded
    with 0), a numeric one two (float32 bits of the normalised number, and of a flag that is 1
    where the number was missing). A field that holds a whole behaviour sequence takes that many
    for each step.
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, fields: Iterable[AnyField], steps: int | None = None) -> RowLayout:
        """Lays out fields one after another; behaviour fields get `steps` steps if given."""
        layout = cls(())
        for field in fields:
            shape = (steps,) if steps and field.role == "behavior" else ()
            if isinstance(field, NumericField):
                layout = layout.with_column(field.name, "float32", shape)
                layout = layout.with_column(field.name + MISSING_SUFFIX, "float32", shape)
            elif isinstance(field, MultiValuedField):
                layout = layout.with_column(field.name, "int32", (*shape, field.max_values))
            else:
                layout = layout.with_column(field.name, "int32", shape)
        return layout

    def with_column(self, name: str, dtype: str, shape: tuple[int, ...] = ()) -> RowLayout:
        """This layout with one more column at its end."""
        if any(column.name == name for column in self.columns):
            raise DataError(
                f"A numeric field takes its name with {MISSING_SUFFIX!r} for a flag, which must be "
                f"no other field. Received: {name!r}"
            )
        return RowLayout((*self.columns, Column(name, dtype, shape, self.width)))

    @property
    def width(self) -> int:
        return self.columns[-1].end if self.columns else 0

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

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
        """Rows of codes as rows of ids and number bits.

        Args:
            fields: The fitted fields; columns of others stay 0.
            coded: Structured array `[rows]` with a member for each field.
            ids: For each vocabulary the look-up table from codes to ids.

        Returns: int32 `[rows, width]`.
        """
        rows = np.zeros((len(coded), self.width), np.int32)

        def put(name: str, values: npt.NDArray[Any]) -> None:
            column = self.column(name)
            rows[:, column.offset : column.end] = values.view(np.int32).reshape(
                len(rows), column.width
            )

        for field in fields:
            values = coded[field.name]
            if isinstance(field, NumericField):
                numbers, missing = normalize(values, field.normalization)
                put(field.name, numbers)
                put(field.name + MISSING_SUFFIX, missing)
            else:
                put(field.name, ids[field.vocabulary][values])
        return rows


def normalize(
    values: npt.NDArray[np.float64], normalization: Normalization
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Numbers in [-1, 1], and 1 where one was missing; see `Normalization`.

    Args:
        values: Raw numbers; NaN is a missing one, and infinity the padding, which becomes 0.
        normalization: A fitted one.
    """
    low, high, mean = normalization.low, normalization.high, normalization.mean
    assert low is not None
    assert high is not None
    assert mean is not None
    missing, padding = np.isnan(values), np.isinf(values)
    numbers = np.where(padding, 0.0, values)
    if normalization.log:
        numbers = np.log1p(np.maximum(numbers, 0.0))
    numbers = np.where(missing, mean, numbers)
    scaled = 2.0 * (np.clip(numbers, low, high) - low) / (high - low) - 1.0
    scaled[padding] = 0.0
    return scaled.astype(np.float32), missing.astype(np.float32)
