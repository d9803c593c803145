"""Descriptions of task ctr: labelled examples, alone or with users, items and behaviors."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from amer_tf.features import AnyField, CategoricalField, FeatureSpec, MultiValuedField
from data_pipelines.ctr_places import places_of
from data_pipelines.delimited import file_table
from data_pipelines.description_parts import (
    FieldEntry,
    find_files,
    read_fields,
    read_format,
    read_key_column,
    read_vocabularies,
    require_keys,
    require_text,
    require_used,
    used_vocabularies,
)
from data_pipelines.errors import DataError
from data_pipelines.event_gaps import gap_field
from data_pipelines.sources import HISTORY_PREFIX, TIME, Source, complete_vocabularies, history_of
from data_pipelines.splits import ByColumn, ByTime, Random, Split, parse_split
from data_pipelines.tables import Table

_FILES = ("events", "items", "users", "behaviors")
_KEYS_OF_FILE = {
    "items": ("path", "key"),
    "users": ("path", "key"),
    "behaviors": ("path", "user", "item", "time", "gap"),
}


def ctr_source(data: Mapping[str, Any], folder: pathlib.Path) -> Source:
    """A source of task ctr from a description; its files are looked for in `folder`."""
    require_keys("`files` of task ctr", data["files"], _FILES, ("events",))
    for key in ("item_name", "k_core", "item_vocabulary", "user_id_field"):
        if key in data:
            raise DataError(f"`{key}` is a key of task next_item. Received: {key}={data[key]!r}")
    if not isinstance(data.get("label"), str):
        raise DataError(f"`label` must name a column. Received: label={data.get('label')!r}")
    places = {
        name: _place(name, data["files"][name]) for name in _FILES[1:] if name in data["files"]
    }
    steps_are_items = "item" in places.get("behaviors", {})
    entries = read_fields(data)
    item = _item(data, entries, needed="items" in places or steps_are_items)
    if steps_are_items:
        assert item is not None
        entries = [*_known_histories(entries, item, "items" in places), *entries]
    gap = places.get("behaviors", {}).get("gap")
    fields = [*(entry.field for entry in entries), *([gap_field(gap)] if gap else [])]
    user, user_dtype = read_key_column(data, "user") if "user" in data else (None, {})
    vocabularies = read_vocabularies(data, folder)
    require_used(vocabularies, used_vocabularies(fields))
    spec = FeatureSpec(
        fields=tuple(fields),
        vocabularies=tuple(complete_vocabularies(fields, vocabularies)),
        task="ctr",
        label=data["label"],
        group=user,
        max_length=data.get("max_length", 50),
        target_to_behavior=_histories(entries),
    )
    split = parse_split(data["split"] if "split" in data else _default_split(data, fields))
    step_separator = data.get("step_separator", "|")
    _check_step_separator(step_separator, [] if "behaviors" in places else fields)
    source = Source(
        name=data["name"],
        spec=spec,
        events=Table("", lambda: iter(())),
        user_dtype=user_dtype.get("dtype", "string"),
        has_time="time" in data,
        item=item,
        steps_are_items=steps_are_items,
        gap_field=gap,
        step_separator=step_separator,
        split=split,
    )
    return _with_tables(source, data, folder, entries, places)


def _default_split(data: Mapping[str, Any], fields: Sequence[AnyField]) -> Split:
    """By time where there are histories and times: dealt out at random, test rows would stand in
    the histories of later rows, which train."""
    has_histories = any(field.role == "behavior" for field in fields)
    is_timed = "time" in data and has_histories
    return ByTime() if is_timed or "behaviors" in data["files"] else Random()


def _place(name: str, entry: Any) -> dict[str, Any]:
    """Where a side table stands, and how its key columns are called."""
    place = {"path": entry} if isinstance(entry, (str, list, tuple)) else entry
    require_keys(f"`files.{name}`", place, _KEYS_OF_FILE[name], ("path",))
    for key in place:
        if key != "path":
            require_text(f"`files.{name}.{key}`", place[key])
    return dict(place)


def _item(data: Mapping[str, Any], entries: Sequence[FieldEntry], needed: bool) -> str | None:
    """Name of the target field that tells items apart."""
    if "item" not in data:
        if needed:
            raise DataError(
                "Files of items, and behaviors of items, need `item`, the name of the target field "
                "that tells items apart. Received: item=None"
            )
        return None
    if not needed:
        raise DataError(
            "`item` joins the examples with files.items or with the items of files.behaviors. "
            f"Received: item={data['item']!r}, and neither"
        )
    targets = [
        entry.field.name
        for entry in entries
        if entry.field.role == "target" and isinstance(entry.field, CategoricalField)
    ]
    if data["item"] not in targets:
        raise DataError(
            f"`item` must name a categorical field of role target, one of {targets}. "
            f"Received: item={data['item']!r}"
        )
    return str(data["item"])


def _known_histories(entries: Sequence[FieldEntry], item: str, has_items: bool) -> list[FieldEntry]:
    """The histories of the item and of what is known of it, which are no columns of their own."""
    of_item = [
        entry
        for entry in entries
        if entry.field.role == "target" and (has_items or entry.field.name == item)
    ]
    of_item.sort(key=lambda entry: entry.field.name != item)
    known = {entry.field.name for entry in of_item}
    for entry in entries:
        if entry.behavior_of in known:
            raise DataError(
                f"The history of {entry.behavior_of!r} is that of the items of files.behaviors, "
                f"{HISTORY_PREFIX + entry.behavior_of!r}. Received: "
                f"fields[{entry.field.name!r}].behavior_of={entry.behavior_of!r}"
            )
    return [
        FieldEntry(history_of(entry.field), "", behavior_of=entry.field.name) for entry in of_item
    ]


def _with_tables(
    source: Source,
    data: Mapping[str, Any],
    folder: pathlib.Path,
    entries: Sequence[FieldEntry],
    places: Mapping[str, Mapping[str, Any]],
) -> Source:
    """The source with the tables of all files that the description names."""
    own, profile, item, step, *_ = places_of(_with(source, dict.fromkeys(places, source.events)))
    column_of = {entry.field.name: entry.column for entry in entries}
    user, key = source.spec.group, source.item
    columns = {
        "events": _example_columns(
            source, data, {field.name: column_of[field.name] for field in own}
        ),
        "users": {field.name: column_of[field.name] for field in profile},
        "items": {field.name: column_of[field.name] for field in item},
        "behaviors": {field.name: column_of[field.name] for field in step},
    }
    if key is not None:
        columns["events"][key] = column_of[key]
    if "users" in places:
        assert user is not None
        columns["users"][user] = places["users"].get("key", user)
    if "items" in places:
        assert key is not None
        columns["items"][key] = places["items"].get("key", column_of[key])
    if "behaviors" in places:
        assert user is not None
        columns["behaviors"][user] = places["behaviors"].get("user", user)
        columns["behaviors"][TIME] = places["behaviors"].get("time", data["time"])
        if source.steps_are_items:
            assert key is not None
            columns["behaviors"][key] = places["behaviors"]["item"]
    files: list[pathlib.Path] = []
    tables: dict[str, Table] = {}
    for name in ("events", *places):
        path = data["files"]["events"] if name == "events" else places[name]["path"]
        found = find_files(path, folder)
        tables[name] = file_table(found, columns[name], **read_format(data))
        files += [file for file in found if file not in files]
    return dataclasses.replace(_with(source, tables), files=tuple(files))


def _with(source: Source, tables: Mapping[str, Table]) -> Source:
    return dataclasses.replace(
        source,
        events=tables.get("events", source.events),
        items=tables.get("items"),
        users=tables.get("users"),
        behaviors=tables.get("behaviors"),
    )


def _example_columns(
    source: Source, data: Mapping[str, Any], columns: dict[str, str]
) -> dict[str, str]:
    """Columns of the examples: own fields, the label, and what tells users and splits apart."""
    for name, column in columns.items():
        if column == data["label"]:
            raise DataError(
                "The label must not be a field: the model would read what it predicts. "
                f"Received: field {name!r} of column {column!r}"
            )
    columns[data["label"]] = data["label"]
    if source.spec.group is not None:
        _add_own_column(columns, source.spec.group, "tells users apart")
    if "time" in data:
        columns[TIME] = data["time"]
    if isinstance(source.split, ByColumn):
        _add_own_column(columns, source.split.column, "deals rows out")
    return columns


def _histories(entries: Sequence[FieldEntry]) -> dict[str, str]:
    """Behaviour fields by the target field whose history they are."""
    histories: dict[str, str] = {}
    for entry in entries:
        if entry.behavior_of in histories:
            raise DataError(
                f"A target field has one history. Received: fields[{entry.field.name!r}] with "
                f"behavior_of={entry.behavior_of!r}, as fields[{histories[entry.behavior_of]!r}]"
            )
        if entry.behavior_of is not None:
            histories[entry.behavior_of] = entry.field.name
    return histories


def _add_own_column(columns: dict[str, str], name: str, role: str) -> None:
    """Adds a column that is read under its own name, which no field may give another column."""
    if columns.get(name, name) != name:
        raise DataError(
            f"The field {name!r} must be the column {name!r}, which {role}. "
            f"Received: column={columns[name]!r}"
        )
    columns[name] = name


def _check_step_separator(separator: Any, fields: Sequence[AnyField]) -> None:
    if not isinstance(separator, str) or not separator:
        raise DataError(f"`step_separator` must be text. Received: step_separator={separator!r}")
    for field in fields:
        if (
            isinstance(field, MultiValuedField)
            and field.role == "behavior"
            and field.separator == separator
        ):
            raise DataError(
                f"`step_separator` must differ from the separator of fields[{field.name!r}], whose "
                f"steps are sets. Received: {separator!r} for both"
            )
