"""RecBole's atomic files as a source of events."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from amer_tf.features import AnyField, CategoricalField, MultiValuedField, NumericField, SpecError
from data_pipelines.delimited import file_table
from data_pipelines.errors import DataError, find_matching, reading
from data_pipelines.recbole import parse
from data_pipelines.recbole.parse import AtomicColumn
from data_pipelines.sources import (
    ITEM,
    ITEM_NAME,
    TIME,
    USER,
    Source,
    chosen_fields,
    next_item_spec,
)
from data_pipelines.tables import Table

DEFAULT_TIME = "timestamp"


def open_source(
    folder: pathlib.Path,
    *,
    user_column: str = "user_id",
    item_column: str = "item_id",
    time_column: str | None = None,
    item_fields: str | Sequence[str] = (),
    user_fields: str | Sequence[str] = (),
    name_column: str = "",
    max_values: int = 8,
) -> Source:
    """Opens `<name>.inter` and, for the fields of items and users, `<name>.item` and `.user`.

    Args:
        folder: Where the files are; it must hold one `.inter` file.
        user_column: Column of the user.
        item_column: Column of the item.
        time_column: Column of the time; None for `timestamp` if `.inter` has it, and else for the
            order of the file.
        item_fields: Which columns of `.item` to read: `token` and `token_seq` ones.
        user_fields: Which columns of `.user` to read; `float` ones too.
        name_column: Column of `.item` that holds the names to show.
        max_values: Most values of a `token_seq` that are kept.
    """
    inter = _the_inter_file(folder)
    events = _header(inter)
    columns = {USER: user_column, ITEM: item_column}
    if time_column is None and any(column.name == DEFAULT_TIME for column in events):
        time_column = DEFAULT_TIME
    if time_column is not None:
        columns[TIME] = time_column
    of_item, items, item_file = _side(
        inter, ".item", item_column, "item_fields", item_fields, "target", max_values, name_column
    )
    of_user, users, user_file = _side(
        inter, ".user", user_column, "user_fields", user_fields, "profile", max_values
    )
    return Source(
        name=inter.stem,
        spec=next_item_spec(item_fields=of_item, other_fields=of_user),
        events=_table(inter, events, columns),
        items=items,
        users=users,
        files=tuple(file for file in (inter, item_file, user_file) if file),
        has_time=time_column is not None,
        has_item_names=bool(name_column),
    )


def _the_inter_file(folder: pathlib.Path) -> pathlib.Path:
    files = find_matching(folder, "*.inter")
    if len(files) != 1:
        raise DataError(
            f"`source_dir` must hold one .inter file. Received: source_dir={str(folder)!r} with "
            f"{[file.name for file in files]}"
        )
    return files[0]


def _header(file: pathlib.Path) -> list[AtomicColumn]:
    with reading(file), file.open(encoding="utf-8") as stream:
        return parse.parse_header(stream.readline(), file.name)


def _table(file: pathlib.Path, header: Sequence[AtomicColumn], columns: dict[str, str]) -> Table:
    named = {
        new: parse.find_column(header, name, file.name).header for new, name in columns.items()
    }
    return file_table([file], named, separator=parse.SEPARATOR)


def _side(
    inter: pathlib.Path,
    suffix: str,
    key: str,
    option: str,
    chosen: str | Sequence[str],
    role: str,
    max_values: int,
    name_column: str = "",
) -> tuple[list[AnyField], Table | None, pathlib.Path | None]:
    """Fields, table and file of what is known of items or users."""
    if not chosen and not name_column:
        return [], None, None
    file = inter.with_suffix(suffix)
    header = _header(file)
    known = [
        field
        for column in header
        if column.name not in (key, name_column)
        and (field := _field(column, role, max_values)) is not None
    ]
    fields = chosen_fields(option, chosen, known)
    columns = {USER if role == "profile" else ITEM: key, **{f.name: f.name for f in fields}}
    if name_column:
        columns[ITEM_NAME] = name_column
    return fields, _table(file, header, columns), file


def _field(column: AtomicColumn, role: str, max_values: int) -> AnyField | None:
    """A field for a column, or None for a type that models have no use for."""
    try:
        if column.kind == "token":
            return CategoricalField(column.name, role)
        if column.kind == "token_seq":
            return MultiValuedField(
                column.name, role, max_values=max_values, separator=parse.SEQUENCE_SEPARATOR
            )
        if column.kind == "float" and role == "profile":
            return NumericField(column.name, role)
    except SpecError as error:
        raise DataError(f"The column {column.name!r} cannot be a field: {error}") from error
    return None
