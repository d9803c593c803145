"""Rows of a table as examples of a TFDS builder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_pipelines.tables import Table


def examples(table: Table, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered examples for `_generate_examples`.

    Args:
        table: The table.
        columns: The features' names, and the table's columns that they come from.
    """
    number = 0
    for chunk in table.read():
        names, values = zip(
            *((name, chunk.column(old)) for name, old in columns.items()), strict=True
        )
        for row in zip(*values, strict=True):
            yield number, dict(zip(names, row, strict=True))
            number += 1
