"""The description file: a user's own table without a line of Python.

`README.md` beside this module documents its keys.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from amer_tf.features import SpecError
from data_pipelines.delimited import file_table
from data_pipelines.description_ctr import ctr_source
from data_pipelines.description_parts import (
    find_files,
    read_fields,
    read_format,
    read_key_column,
    read_vocabularies,
    read_vocabulary,
    require_keys,
    require_text,
    require_used,
    used_vocabularies,
)
from data_pipelines.errors import DataError, reading
from data_pipelines.sources import ITEM, ITEM_NAME, TIME, USER, Source, next_item_spec
from data_pipelines.splits import LeaveOneOut, parse_split

SUFFIXES = (".yaml", ".yml", ".json")
_KEYS = (
    "name",
    "task",
    "files",
    "format",
    "user",
    "item",
    "time",
    "item_name",
    "label",
    "max_length",
    "step_separator",
    "fields",
    "vocabularies",
    "split",
    "k_core",
    "item_vocabulary",
    "user_id_field",
)


def read_description(file: pathlib.Path) -> dict[str, Any]:
    """Reads a YAML or JSON description and checks its keys."""
    with reading(file):
        text = file.read_text(encoding="utf-8")
    data = _parse(text, file)
    for text in _texts(data):
        if "\0" in text or text.encode("utf-8", "ignore").decode("utf-8") != text:
            raise DataError(
                "The texts of a description must be ones that a file can hold: no null character "
                f"and no half of a surrogate pair. Received: {text!r} in {file}"
            )
    require_keys("A description", data, _KEYS, ("task", "files", "fields"))
    for key in ("name", "time", "item_name"):
        if key in data:
            require_text(f"`{key}`", data[key])
    return {"name": file.stem, **data}


def _parse(text: str, file: pathlib.Path) -> Any:
    """What a text in YAML or JSON says.

    Raises:
        DataError: Where it is none; the message has file, line, column and problem.
    """
    form = "JSON" if file.suffix == ".json" else "YAML"
    place = f"The description {file} must be {form}"
    try:
        if form == "JSON":
            return json.loads(text)
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is None:
                raise ValueError(str(error)) from error
            problem = ", ".join(part for part in (error.problem, error.context) if part)
            line, column = mark.line + 1, mark.column + 1
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    except json.JSONDecodeError as error:
        problem, line, column = error.msg, error.lineno, error.colno
    except ValueError as error:
        problem = " ".join(str(error).replace('in "<unicode string>", ', "").split())
        raise DataError(f"{place}: check its texts and numbers. Received: {problem}") from error
    shown = [*text.splitlines(), ""][min(line - 1, len(text.splitlines()))]
    raise DataError(
        f"{place}, and is not in line {line}, column {column}: {problem}. Received: {shown!r}"
    )


def _texts(data: Any) -> Iterator[str]:
    """All texts in nested lists and mappings."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for pair in data.items():
            yield from _texts(pair)
    elif isinstance(data, (list, tuple)):
        for entry in data:
            yield from _texts(entry)


def describe_source(data: Mapping[str, Any], folder: pathlib.Path) -> Source:
    """A source from a description; its files are looked for in `folder`."""
    try:
        if data["task"] == "next_item":
            return _next_item_source(data, folder)
        if data["task"] == "ctr":
            return ctr_source(data, folder)
    except SpecError as error:
        raise DataError(f"The description {data['name']!r} is wrong: {error}") from error
    raise DataError(f"`task` must be one of next_item, ctr. Received: task={data['task']!r}")


def _next_item_source(data: Mapping[str, Any], folder: pathlib.Path) -> Source:
    require_keys("`files`", data["files"], ("events", "items", "users"), ("events",))
    require_keys("A description of task next_item", data, _KEYS, ("user", "item"))
    for key in ("label", "step_separator"):
        if key in data:
            raise DataError(f"`{key}` is a key of task ctr. Received: {key}={data[key]!r}")
    entries = read_fields(data)
    for entry in entries:
        if entry.behavior_of is not None:
            raise DataError(
                "`behavior_of` is a key of task ctr; here the history of each target field is "
                f"known. Received: fields[{entry.field.name!r}].behavior_of={entry.behavior_of!r}"
            )
    (user, user_options), (item, item_options) = (
        read_key_column(data, key) for key in ("user", "item")
    )
    of_role = {
        role: [entry for entry in entries if entry.field.role == role]
        for role in ("target", "profile", "behavior", "context")
    }
    vocabularies = read_vocabularies(data, folder)
    if item_options:
        vocabularies.append(read_vocabulary({"name": ITEM, **item_options}, folder))
    require_used(vocabularies, used_vocabularies([entry.field for entry in entries]) | {ITEM})
    spec = next_item_spec(
        item_fields=[entry.field for entry in of_role["target"]],
        other_fields=[entry.field for entry in entries if entry.field.role != "target"],
        vocabularies=vocabularies,
        max_length=data.get("max_length", 50),
    )
    events = {USER: user, ITEM: item}
    if "time" in data:
        events[TIME] = data["time"]
    events |= {e.field.name: e.column for e in (*of_role["behavior"], *of_role["context"])}
    items = {entry.field.name: entry.column for entry in of_role["target"]}
    if "item_name" in data:
        items[ITEM_NAME] = data["item_name"]
    users = {entry.field.name: entry.column for entry in of_role["profile"]}
    tables, files = {}, []
    for name, key, own, columns in (
        ("events", USER, user, events),
        ("items", ITEM, item, items),
        ("users", USER, user, users),
    ):
        # What has no file of its own stands beside each event.
        place = data["files"].get(name, data["files"]["events"])
        if name in data["files"] and isinstance(place, Mapping):
            require_keys(f"`files.{name}`", place, ("path", "key"), ("path",))
            place, own = place["path"], place.get("key", own)
            require_text(f"`files.{name}.key`", own)
        found = find_files(place, folder)
        table = file_table(found, {key: own, **columns}, **read_format(data))
        tables[name] = dataclasses.replace(table, repeats_keys=name not in data["files"])
        files += [file for file in found if file not in files]
    return Source(
        name=data["name"],
        spec=spec,
        events=tables["events"],
        items=tables["items"] if items else None,
        users=tables["users"] if users else None,
        files=tuple(files),
        user_dtype=user_options.get("dtype", "string"),
        has_time="time" in data,
        has_item_names="item_name" in data,
        split=parse_split(data.get("split", LeaveOneOut())),
        k_core=data.get("k_core", 0),
        item_vocabulary=data.get("item_vocabulary"),
        user_id_field=data.get("user_id_field", False),
    )
