"""What a second preparation takes for the same data, and what not."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

import data_pipelines
from data_pipelines import DataError

DESCRIPTION: dict[str, Any] = {
    "task": "next_item",
    "files": {"events": "events.csv"},
    "user": "u",
    "item": "i",
    "time": "t",
    "item_name": "a",
    "fields": [{"name": "x", "column": "a", "role": "context"}],
}


def prepare_described(folder: pathlib.Path, **changes: Any) -> dict[str, Any]:
    """Prepares a table in which every column can stand for every other."""
    lines = [f"{row % 5},{row % 7},{row % 11},{row % 3},{row % 2}\n" for row in range(120)]
    (folder / "events.csv").write_text("u,i,t,a,b\n" + "".join(lines))
    (folder / "shop.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    return data_pipelines.prepare(folder / "shop.json", None, folder / "data")


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"time": "a"}, ["time"]),
        ({"user": "i"}, ["user"]),
        ({"user": {"column": "u", "dtype": "int64"}}, ["user"]),
        ({"item": "u"}, ["item"]),
        ({"item_name": "b"}, ["item_name"]),
        ({"fields": [{"name": "x", "column": "b", "role": "context"}]}, ["fields"]),
        ({"format": {"encoding": "latin-1"}}, ["format"]),
        ({"max_length": 5}, ["unfitted_spec"]),
        ({"name": "other"}, ["dataset", "name"]),
    ],
)
def test_data_that_were_read_otherwise_are_not_taken(
    tmp_path: pathlib.Path, changes: dict[str, Any], differing: list[str]
) -> None:
    counts = prepare_described(tmp_path)
    with pytest.raises(DataError) as error:
        prepare_described(tmp_path, **changes)
    assert str(error.value).endswith(f"which differs in {differing}")
    assert prepare_described(tmp_path) == counts


def test_the_steps_of_a_table_are_part_of_the_request(tmp_path: pathlib.Path) -> None:
    changes = {"task": "ctr", "label": "b", "time": "t"}
    description = {key: DESCRIPTION[key] for key in ("files", "fields")} | changes
    (tmp_path / "events.csv").write_text(
        "t,a,b\n" + "".join(f"{row},{row % 3},{row % 2}\n" for row in range(100))
    )
    (tmp_path / "ads.json").write_text(json.dumps(description))
    data_pipelines.prepare(tmp_path / "ads.json", None, tmp_path / "data")
    (tmp_path / "ads.json").write_text(json.dumps({**description, "step_separator": ";"}))
    with pytest.raises(DataError, match=r"which differs in \['step_separator'\]"):
        data_pipelines.prepare(tmp_path / "ads.json", None, tmp_path / "data")


def test_what_an_option_replaces_is_no_difference(tmp_path: pathlib.Path) -> None:
    counts = prepare_described(tmp_path, k_core=1)
    (tmp_path / "shop.json").write_text(json.dumps({**DESCRIPTION, "k_core": 30}))
    again = data_pipelines.prepare(tmp_path / "shop.json", None, tmp_path / "data", k_core=1)
    assert again == counts


def test_options_of_a_data_set_are_part_of_the_request(tmp_path: pathlib.Path) -> None:
    rows = [f"{row % 5}\t{row % 7}\t{row % 5}\t{row}" for row in range(120)]
    lines = ["user_id:token\titem_id:token\tother:token\ttimestamp:float", *rows]
    (tmp_path / "ml.inter").write_text("\n".join(lines) + "\n")
    data_pipelines.prepare("recbole", tmp_path, tmp_path / "data")
    data_pipelines.prepare("recbole", tmp_path, tmp_path / "data", user_column="user_id")
    for option in ("user_column", "time_column"):
        with pytest.raises(DataError, match=rf"which differs in \['{option}'\]"):
            data_pipelines.prepare("recbole", tmp_path, tmp_path / "data", **{option: "other"})


def test_every_byte_of_a_source_file_counts(tmp_path: pathlib.Path) -> None:
    prepare_described(tmp_path)
    file = tmp_path / "events.csv"
    before, stamp = file.read_bytes(), file.stat()
    assert before.endswith(b",1\n")
    file.write_bytes(before[:-2] + b"0\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(DataError, match=r"which differs in \['sources'\]"):
        data_pipelines.prepare(tmp_path / "shop.json", None, tmp_path / "data")
