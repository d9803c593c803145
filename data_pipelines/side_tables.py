"""What tables of items and users say of each of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.coding import clean_values, is_missing
from data_pipelines.errors import DataError
from data_pipelines.field_coding import FieldCoder
from data_pipelines.joins import Keys, Meeting
from data_pipelines.sources import ITEM, ITEM_NAME
from data_pipelines.tables import Chunk, Table


def read_side_table(
    table: Table | None, keys: Keys, coder: FieldCoder
) -> tuple[npt.NDArray[Any], Meeting]:
    """Codes of what a table says of each key; of a key that comes twice, the first row counts.

    Args:
        table: The table, or None where the coder has no fields.
        keys: The keys that are asked for.
        coder: Reads the fields.

    Returns: Coded rows `[keys]`, of a key that the table lacks, nothing is known; and how the table
        answered.

    Raises:
        DataError: Where the table has a row of none of the keys.
    """
    coded, num_keys = coder.missing(len(keys.values)), len(keys.values)
    meeting = Meeting(keys, table, np.ones(num_keys, bool))
    if not coder.fields:
        return coded, meeting
    if table is None:
        raise DataError(
            f"The fields {[field.name for field in coder.fields]} need a table with the column "
            f"{keys.column!r}. Received: no such table"
        )
    numbers = {value: number for number, value in enumerate(keys.values)}
    # What repeats its keys by nature has no row that is one too many.
    number_of = numbers.pop if table.repeats_keys else numbers.get
    meeting.is_found[:] = False
    for chunk in table.read():
        rows = coder.missing(len(chunk))
        coder.encode(chunk, rows)
        values = _clean_keys(chunk, keys.column, keys.dtype)
        repeated: list[tuple[int, int]] = []
        for row, value in enumerate(values):
            number = number_of(value, None)
            if number is None:
                continue
            if meeting.is_found[number]:
                repeated.append((row, number))
            else:
                coded[number], meeting.is_found[number] = rows[row], True
        if repeated:
            _note_differing(meeting, chunk, rows, coded, np.array(repeated))
        meeting.num_rows += len(chunk)
        if meeting.example is None:
            meeting.example = next((value for value in values if value is not None), None)
    if table.repeats_keys:
        meeting.is_found[:] = True
    else:
        meeting.require_any([field.name for field in coder.fields])
        meeting.warn_of_repeated()
    return coded, meeting


def _note_differing(
    meeting: Meeting,
    chunk: Chunk,
    rows: npt.NDArray[Any],
    coded: npt.NDArray[Any],
    repeated: npt.NDArray[np.int64],
) -> None:
    """Counts those rows of a chunk that say something else than the first row of their key.

    Args:
        meeting: Takes the count.
        chunk: The chunk.
        rows: Its coded rows.
        coded: The first rows of the keys, coded.
        repeated: Number of the row, and of its key, of each row whose key came before.
    """
    differs = np.zeros(len(repeated), bool)
    for name in rows.dtype.names or ():
        own, first = rows[name][repeated[:, 0]], coded[name][repeated[:, 1]]
        differing = (own != first) & ~((own != own) & (first != first))  # NaN equals NaN here
        differs |= differing.reshape(len(repeated), -1).any(axis=1)
    if differs.any() and not meeting.num_repeated:
        row, number = repeated[int(np.argmax(differs))]
        where = chunk.where(meeting.keys.column)(int(row))
        meeting.first_repeated = f"{where}, {meeting.keys.values[number]!r}"
    meeting.num_repeated += int(differs.sum())


def read_names(table: Table, item_dtype: str, items: Collection[Any]) -> dict[str, str]:
    """The first name of each item that has one, by the text of its raw id.

    Args:
        table: A table with the columns `ITEM` and `ITEM_NAME`.
        item_dtype: Type of the item ids.
        items: The items that are asked for; membership is tested often.
    """
    names: dict[str, str] = {}
    for chunk in table.read():
        keys = _clean_keys(chunk, ITEM, item_dtype)
        for item, name in zip(keys, chunk.column(ITEM_NAME), strict=True):
            if item in items and not is_missing(name):
                # Half of a surrogate pair, as of a title that was cut, cannot be shown.
                text = str(name).encode("utf-8", "replace").decode("utf-8")
                names.setdefault(str(item), text)
    return names


def _clean_keys(chunk: Chunk, column: str, dtype: str) -> list[Any]:
    return clean_values(chunk.column(column), dtype, chunk.where(column))
