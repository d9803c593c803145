"""What tables of items and users say of each of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy.typing as npt

from data_pipelines.coding import clean_values, is_missing
from data_pipelines.errors import DataError
from data_pipelines.field_coding import FieldCoder
from data_pipelines.sources import ITEM, ITEM_NAME
from data_pipelines.tables import Chunk, Table


def read_side_table(
    table: Table | None, key: str, key_dtype: str, keys: Sequence[Any], coder: FieldCoder
) -> npt.NDArray[Any]:
    """Codes of what a table says of each key; of a key that comes twice, the first row counts.

    Args:
        table: The table, or None where the coder has no fields.
        key: Column of the key.
        key_dtype: `"string"` or `"int64"`: its type.
        keys: The keys that are asked for.
        coder: Reads the fields.

    Returns: Coded rows `[keys]`; of a key that the table lacks, nothing is known.
    """
    coded = coder.missing(len(keys))
    if not coder.fields:
        return coded
    if table is None:
        raise DataError(
            f"The fields {[field.name for field in coder.fields]} need a table with the column "
            f"{key!r}. Received: no such table"
        )
    numbers = {value: number for number, value in enumerate(keys)}
    for chunk in table.read():
        rows = coder.missing(len(chunk))
        coder.encode(chunk, rows)
        for row, value in enumerate(_clean_keys(chunk, key, key_dtype)):
            number = numbers.pop(value, None)
            if number is not None:
                coded[number] = rows[row]
    return coded


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
