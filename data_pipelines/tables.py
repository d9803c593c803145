"""Source tables as streams of chunks of raw columns."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import did_you_mean
from data_pipelines.arrow_values import DateSeconds
from data_pipelines.errors import DataError, reading

CHUNK_ROWS = 65_536


class FactorizedColumn(Sequence[Any]):
    """A column as its different values and, for each row, where its value stands among them.

    Args:
        values: The different values, or what they were converted to, in the order of their first
            appearance.
        positions: int32 `[rows]`.
    """

    def __init__(self, values: Sequence[Any], positions: npt.NDArray[np.int32]) -> None:
        self.values = values
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return FactorizedColumn(self.values, self.positions[index])
        return self.values[self.positions[index]]

    def take(self, rows: npt.NDArray[np.int64]) -> FactorizedColumn:
        """Some rows of the column, with those values alone that stand in them."""
        kept, positions = np.unique(self.positions[rows], return_inverse=True)
        values = [self.values[number] for number in kept]
        return FactorizedColumn(values, positions.astype(np.int32))

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.positions.tolist())


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of a table.

    Args:
        place: The table's name in messages, such as its file.
        first_row: Number of the first row here, counted from 1.
        columns: Raw values by column: text, numbers, None, or lists of them; all equally long.
        names: What the file calls those columns that it calls otherwise.
        num_skipped: Rows that could not be read and were left out, before or among these.
        skipped: The numbers of rows that were left out, ascending: all of those among these, and
            any before or after.
    """

    place: str
    first_row: int
    columns: Mapping[str, Sequence[Any]]
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    num_skipped: int = 0
    skipped: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[Any]:
        if name not in self.columns:
            raise DataError(
                f"{did_you_mean([name], self.columns)}{self.place} lacks the column {name!r}, "
                "which is to be read from it. "
                f"Received: a table with the columns {sorted(self.columns)}"
            )
        return self.columns[name]

    def take(self, rows: npt.NDArray[np.int64]) -> Chunk:
        """Some rows of the chunk, ascending; each keeps its number."""
        numbers = self.row_numbers()
        left_out = np.delete(numbers, rows)
        skipped = left_out if self.skipped is None else np.union1d(self.skipped, left_out)
        columns = {
            name: column.take(rows)
            if isinstance(column, FactorizedColumn)
            else _like(column, (column[row] for row in rows))
            for name, column in self.columns.items()
        }
        return dataclasses.replace(self, columns=columns, skipped=skipped)

    def encode(
        self, name: str, encode: Callable[[Sequence[Any], Callable[[int], str]], npt.NDArray[Any]]
    ) -> npt.NDArray[Any]:
        """What a function makes of a column, one entry a row.

        Args:
            name: The column.
            encode: Takes values, and what says where the value of an index stands; gives one
                entry for each. Of a factorized column it sees every different value once.
        """
        column, where = self.column(name), self.where(name)
        if not isinstance(column, FactorizedColumn):
            return encode(column, where)
        positions = column.positions

        def where_first(index: int) -> str:
            return where(int(np.argmax(positions == index)))

        return encode(column.values, where_first)[positions]

    def convert(self, name: str, convert: Callable[[Any], Any], wanted: str) -> Sequence[Any]:
        """A column with each value converted.

        Args:
            name: The column.
            convert: Gives the new value; fails with a ValueError.
            wanted: What a value must be, for the message.

        Raises:
            DataError: Where `convert` fails.
        """
        column, where = self.column(name), self.where(name)
        values = column.values if isinstance(column, FactorizedColumn) else column
        converted = []
        for value in values:
            try:
                converted.append(convert(value))
            except ValueError:
                row = next(row for row, own in enumerate(column) if own == value)
                raise DataError(f"{where(row)}, must be {wanted}. Received: {value!r}") from None
        if isinstance(column, FactorizedColumn):
            return FactorizedColumn(converted, column.positions)
        return converted

    def where(self, column: str) -> Callable[[int], str]:
        """Says in a message where the value of an index stands."""
        name = self.names.get(column, column)
        return lambda index: f"{self.place}, column {name!r}, row {self.row_numbers()[index]}"

    def row_numbers(self) -> npt.NDArray[np.int64]:
        """The number of each row, counted from 1; those that were left out count too."""
        return numbers_without(self.skipped, self.first_row, len(self))


def _like(column: Sequence[Any], values: Iterable[Any]) -> list[Any]:
    """Values of a column, which stay dates where they were."""
    return DateSeconds(values) if isinstance(column, DateSeconds) else list(values)


def numbers_without(
    skipped: npt.NDArray[np.int64] | None, first: int, count: int
) -> npt.NDArray[np.int64]:
    """The first so many numbers, from a first one, that are not among those skipped."""
    if skipped is None or not len(skipped):
        return np.arange(first, first + count)
    last = first + count
    later = skipped[skipped >= first]
    while (needed := first + count + int(np.searchsorted(later, last))) > last:
        last = needed
    return np.setdiff1d(np.arange(first, last), later, assume_unique=True)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that can be read from its start, any number of times.

    Args:
        place: Its name in messages.
        read: Starts a new stream of its chunks.
        names: What the file calls those columns that it calls otherwise.
        repeats_keys: Whether it is no table of its own: a user or an item stands in many rows.
    """

    place: str
    read: Callable[[], Iterator[Chunk]]
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    repeats_keys: bool = False

    def name_in_file(self, column: str) -> str:
        """What the file calls a column."""
        return self.names.get(column, column)


def table_of_rows(
    place: str, columns: Sequence[str], rows: Callable[[], Iterable[Sequence[Any]]]
) -> Table:
    """A table from a parser that yields one tuple a row."""

    def read() -> Iterator[Chunk]:
        stream = iter(rows())
        first_row = 1
        while block := list(itertools.islice(stream, CHUNK_ROWS)):
            values = zip(*block, strict=True)
            yield Chunk(place, first_row, dict(zip(columns, values, strict=True)))
            first_row += len(block)

    return Table(place, read)


def read_lines(file: pathlib.Path, encoding: str = "utf-8") -> Iterator[str]:
    """Lines of a text file, which may be compressed with gzip (`.gz`)."""
    opener: Any = gzip.open if file.suffix == ".gz" else open
    with reading(file), opener(file, "rt", encoding=encoding, newline="") as stream:
        yield from stream
