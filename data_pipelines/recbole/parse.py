"""The header cells of RecBole's atomic files: `name:type`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from amer_tf.features import did_you_mean
from data_pipelines.errors import DataError

SEPARATOR = "\t"
# Between the entries of a sequence.
SEQUENCE_SEPARATOR = " "
TYPES = ("token", "token_seq", "float", "float_seq")


@dataclasses.dataclass(frozen=True)
class AtomicColumn:
    """A column of an atomic file.

    Args:
        name: Its name.
        kind: One of `TYPES`.
    """

    name: str
    kind: str

    @property
    def header(self) -> str:
        return f"{self.name}:{self.kind}"


def parse_header(line: str, place: str) -> list[AtomicColumn]:
    """Columns from the first line of an atomic file."""
    return [parse_cell(cell, place) for cell in line.rstrip("\r\n").split(SEPARATOR)]


def parse_cell(cell: str, place: str) -> AtomicColumn:
    """A column from its header cell."""
    name, _, kind = cell.removeprefix("\ufeff").strip().partition(":")
    if not name or kind not in TYPES:
        raise DataError(
            f"{place}, line 1, must be name:type cells with tabs between them, the types among "
            f"{', '.join(TYPES)}. Received: {cell!r}"
        )
    return AtomicColumn(name, kind)


def find_column(columns: Sequence[AtomicColumn], name: str, place: str) -> AtomicColumn:
    """The column of this name."""
    for column in columns:
        if column.name == name:
            return column
    names = [column.name for column in columns]
    raise DataError(
        f"{did_you_mean([name], names)}{place} lacks the column {name!r}, which is to be read from "
        f"it. Received: a table with the columns {names}"
    )
