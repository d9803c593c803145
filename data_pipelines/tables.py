"""Source tables as streams of chunks of raw columns."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from data_pipelines.errors import DataError, reading

CHUNK_ROWS = 65_536


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of a table.

    Args:
        place: The table's name in messages, such as its file.
        first_row: Number of the first row here, counted from 1.
        columns: Raw values by column: text, numbers, None, or lists of them; all equally long.
        names: What the file calls those columns that it calls otherwise.
    """

    place: str
    first_row: int
    columns: Mapping[str, Sequence[Any]]
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[Any]:
        if name not in self.columns:
            raise DataError(
                f"{self.place} lacks a column; it has {sorted(self.columns)}. Received: {name!r}"
            )
        return self.columns[name]

    def where(self, column: str) -> Callable[[int], str]:
        """Says in a message where the value of an index stands."""
        name = self.names.get(column, column)
        return lambda index: f"{self.place}, column {name!r}, row {self.first_row + index}"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that can be read from its start, any number of times.

    Args:
        place: Its name in messages.
        read: Starts a new stream of its chunks.
    """

    place: str
    read: Callable[[], Iterator[Chunk]]


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
