"""The command that a run records makes its data anew."""

from __future__ import annotations

import json
import pathlib

import pytest

import data_pipelines
from amer_tf.cli import prepare as verb
from amer_tf.cli import run_data

DESCRIPTION = {
    "name": "ads",
    "task": "ctr",
    "files": {"events": "ads.csv"},
    "label": "click",
    "format": {"separator": ";"},
    "fields": [{"name": "town"}],
}
LOG = {
    "task": "next_item",
    "files": {"events": "log.csv"},
    "user": "who",
    "item": "what",
    "time": "at",
    "fields": [],
}


@pytest.fixture(name="source")
def _source(tmp_path: pathlib.Path) -> pathlib.Path:
    """Ratings in the form of MovieLens, and a table with a description."""
    folder = tmp_path / "source"
    folder.mkdir()
    rows = [
        f"{user}::{film}::5::{100 * user + film}" for user in range(1, 7) for film in range(1, 9)
    ]
    (folder / "ratings.dat").write_text("\n".join(rows) + "\n")
    (folder / "movies.dat").write_text("".join(f"{film}::F::Drama\n" for film in range(1, 9)))
    (folder / "users.dat").write_text("".join(f"{user}::F::1::10::0\n" for user in range(1, 7)))
    table = [f"{number // 2 % 2};{'ab'[number % 2]}" for number in range(40)]
    (folder / "ads.csv").write_text("click;town\n" + "\n".join(table) + "\nbad\n")
    log = [f"{user},{item},{9 * user + item}" for user in range(9) for item in range(5)]
    (folder / "log.csv").write_text("who,what,at\n" + "\n".join(log) + "\n")
    (folder / "ads.json").write_text(json.dumps(DESCRIPTION))
    return folder


@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        ("movielens_1m", {"k_core": 2, "max_length": 7}),
        ("movielens_1m", {"k_core": 0, "split": "by_time", "item_fields": ["genres"]}),
        ("ads.json", {"bad_rows": "skip", "split": {"kind": "random", "train_share": 0.5}}),
    ],
)
def test_the_command_makes_the_same_data(
    source: pathlib.Path, tmp_path: pathlib.Path, dataset: str, options: dict[str, object]
) -> None:
    is_described = dataset.endswith(".json")
    known = {"DESCRIPTION_FILE": str(source / "ads.json"), "SOURCE_DIR": str(source)}
    place = source / dataset if is_described else dataset
    data_pipelines.prepare(place, source, tmp_path / "data", **options)
    described = run_data.describe(data_pipelines.load(tmp_path / "data"))
    program, name, *flags = described["prepare"]
    assert (program, name) == ("amer", "prepare")
    assert f"--data_dir={tmp_path / 'data'}" in flags
    for placeholder, value in known.items():
        flags = [flag.replace(placeholder, value) for flag in flags]
    verb.FLAGS(["prepare", *flags, f"--data_dir={tmp_path / 'again'}"])
    try:
        verb.run()
    finally:
        verb.FLAGS.unparse_flags()
    again = run_data.describe(data_pipelines.load(tmp_path / "again"))
    assert again["digest"] == described["digest"]


@pytest.mark.parametrize(
    ("description", "options"),
    [
        (DESCRIPTION, {"bad_rows": "skip", "split": {"kind": "random", "train_share": 0.5}}),
        (
            {**DESCRIPTION, "split": "random", "format": {"separator": ";", "bad_rows": "skip"}},
            {"max_length": 7},
        ),
        (LOG, {}),
        ({**LOG, "split": "by_time", "item_vocabulary": "catalog"}, {"k_core": 2}),
    ],
)
def test_the_description_makes_the_same_data(
    source: pathlib.Path,
    tmp_path: pathlib.Path,
    description: dict[str, object],
    options: dict[str, object],
) -> None:
    (source / "own.json").write_text(json.dumps(description))
    data_pipelines.prepare(source / "own.json", None, tmp_path / "data", **options)
    described = run_data.describe(data_pipelines.load(tmp_path / "data"))
    # Kept in a run folder, and under another name.
    kept = json.loads(json.dumps(described))["description"]
    (source / "description.json").write_text(json.dumps(kept))
    data_pipelines.prepare(source / "description.json", None, tmp_path / "again")
    again = run_data.describe(data_pipelines.load(tmp_path / "again"))
    assert again["digest"] == described["digest"]
    assert again["description"] == kept


def test_a_data_set_by_name_has_no_description(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data_pipelines.prepare("movielens_1m", source, tmp_path / "data", k_core=0)
    assert "description" not in run_data.describe(data_pipelines.load(tmp_path / "data"))


def test_an_older_folder_does_not_tell_its_options() -> None:
    head = {"dataset": "frappe", "split": {"kind": "random"}, "task": "ctr"}
    assert run_data.prepare_command(head, 50, pathlib.Path("data")) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [("ctr", "ctr"), ("5", '"5"'), (None, "null"), (["a"], '["a"]'), (0.5, "0.5")],
)
def test_options_as_text(value: object, text: str) -> None:
    head = {"dataset": "steam", "split": {}, "task": "ctr", "recipe": {"option": value}}
    command = run_data.prepare_command(head, 50, pathlib.Path("data"))
    assert command[-1] == f"--option=option={text}"
