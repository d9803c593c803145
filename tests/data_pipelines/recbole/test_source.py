from __future__ import annotations

import pathlib
from typing import Any

import pytest

import data_pipelines
from data_pipelines import DataError


def write(folder: pathlib.Path, **files: list[str]) -> pathlib.Path:
    """Writes the files of a data set called ml; `|` in the text becomes a tab."""
    folder.mkdir(exist_ok=True)
    for suffix, lines in files.items():
        text = "".join(line.replace("|", "\t") + "\n" for line in lines)
        (folder / f"ml.{suffix}").write_text(text)
    return folder


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    events = [f"{user}|{item}|5.0|{100 - item}" for user in (1, 2, 3) for item in range(5)]
    items = [f'{item}|The "Film" {item}|199{item}|Comedy Drama' for item in range(5)]
    return write(
        tmp_path / "ml",
        inter=["user_id:token|item_id:token|rating:float|timestamp:float", *events],
        item=["item_id:token|title:token_seq|year:token|genre:token_seq", *items],
        user=["user_id:token|age:float|town:token", "1|30|x", "2||y", "3|50|x"],
    )


def test_the_interactions_alone(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("recbole", source, tmp_path / "data")
    assert (counts["users"], counts["items"], counts["events"]) == (3, 5, 15)
    data = data_pipelines.load(tmp_path / "data")
    [(_, labels)] = data.test.batches(3, candidates=None)
    items = data.spec.vocabulary("item_id").values
    # The newest event is that of item 0.
    assert [items[target - 2] for target in labels["target"].numpy()] == ["0", "0", "0"]


def test_fields_of_items_and_users(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare(
        "recbole",
        source,
        tmp_path / "data",
        item_fields=["year", "genre"],
        user_fields="all",
        name_column="title",
        max_values=3,
    )
    data = data_pipelines.load(tmp_path / "data")
    assert data.item_names["2"] == 'The "Film" 2'
    assert data.catalog is not None
    assert data.catalog.shape == (7, 4)
    assert data.catalog[2:, 1:].tolist() == [[2, 3, 0]] * 5
    [(inputs, _)] = data.test.batches(3, candidates=None)
    assert inputs["age"].numpy().tolist() == [-1.0, 0.0, 1.0]
    assert inputs["town"].numpy().tolist() == [2, 3, 2]


def test_columns_of_other_names_and_no_time(tmp_path: pathlib.Path) -> None:
    events = [f"u{user}|a{item}" for user in range(3) for item in range(4)]
    source = write(tmp_path / "ml", inter=["who:token|artist:token", *events])
    counts = data_pipelines.prepare(
        "recbole", source, tmp_path / "data", user_column="who", item_column="artist"
    )
    assert counts["events"] == 12
    with pytest.raises(DataError, match="'ml', which has none"):
        data_pipelines.prepare(
            "recbole",
            source,
            tmp_path / "other",
            user_column="who",
            item_column="artist",
            split="by_time",
        )


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (
            {"inter": ["user_id|item_id"]},
            {},
            "ml.inter, line 1, must be name:type cells .*Received: 'user_id'",
        ),
        (
            {"inter": ["user_id:token|item_id:text"]},
            {},
            "the types among token, token_seq, float, float_seq. Received: 'item_id:text'",
        ),
        (
            {"inter": ["user:token|item_id:token"]},
            {},
            r"ml.inter lacks the column 'user_id', .*Received: .* columns \['user', 'item_id'\]",
        ),
        (
            {"inter": ["user_id:token|item_id:token", "1|2", "1"]},
            {},
            "ml.inter, line 3, must have 2 cells",
        ),
        (
            {},
            {"time_column": "timestmp"},
            r"^Did you mean timestamp. ml.inter lacks the column 'timestmp', which",
        ),
        (
            {"user": ["user_id:token|title:token", "1|x"]},
            {"user_fields": "title", "item_fields": "title"},
            "The options of recbole are wrong: Field names must differ. Received twice: 'title'",
        ),
        (
            {
                "inter": ["who:token|item_id:token", "1|2"],
                "user": ["who:token|user_id:token", "1|x"],
            },
            {"user_fields": "all", "user_column": "who"},
            r"another name than user_id and item_id, .*Received: fields\['user_id'\]",
        ),
        ({}, {"item_fields": 5}, "`item_fields` must be 'all', or names .*Received: item_fields=5"),
        (
            {},
            {"item_fields": [["title"]]},
            r"must be 'all', or names .* item_fields=\[\['title'\]\]",
        ),
        ({}, {"item_fields": ["actor"]}, r"`item_fields` must be 'all' or among \['title', 'year'"),
        ({}, {"name_column": "actor"}, "ml.item lacks the column 'actor'"),
        ({"user": ["user_id:token|a b:token"]}, {"user_fields": "all"}, "'a b' cannot be a field"),
    ],
)
def test_wrong_files(
    source: pathlib.Path,
    tmp_path: pathlib.Path,
    files: dict[str, list[str]],
    options: dict[str, Any],
    message: str,
) -> None:
    write(source, **files)
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("recbole", source, tmp_path / "data", **options)


def test_one_data_set_a_folder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (source / "other.inter").write_text("")
    with pytest.raises(DataError, match=r"one .inter file. .*\['ml.inter', 'other.inter'\]"):
        data_pipelines.prepare("recbole", source, tmp_path / "data")
