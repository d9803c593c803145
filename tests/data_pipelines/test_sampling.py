"""A share of a table's rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_pipelines.sampling import is_sampled, sampled
from data_pipelines.tables import Chunk, Table

ROWS, CHUNK = 3000, 700


def table() -> Table:
    def read() -> Iterator[Chunk]:
        for first in range(0, ROWS, CHUNK):
            numbers = list(range(first + 1, min(first + CHUNK, ROWS) + 1))
            yield Chunk("a.csv", first + 1, {"number": numbers})

    return Table("a.csv", read)


def rows(source: Table) -> list[int]:
    return [number for chunk in source.read() for number in chunk.column("number")]


def test_the_rows_of_a_share() -> None:
    part = sampled(table(), 0.3, seed=1)
    found = rows(part)
    assert 800 < len(found) < 1000
    assert found == sorted(set(found)) == rows(part)
    assert found != rows(sampled(table(), 0.3, seed=2))
    # A larger share has the rows of a smaller one.
    assert set(found) < set(rows(sampled(table(), 0.6, seed=1)))
    assert found == (np.flatnonzero(is_sampled(np.arange(1, ROWS + 1), 0.3, 1)) + 1).tolist()


def test_all_rows() -> None:
    source = table()
    assert sampled(source, 1.0, seed=1) is source


def test_rows_keep_their_numbers() -> None:
    for chunk in sampled(table(), 0.3, seed=1).read():
        assert chunk.row_numbers().tolist() == chunk.column("number")
        assert chunk.num_skipped == 0
