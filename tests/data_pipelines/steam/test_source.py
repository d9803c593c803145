from __future__ import annotations

import gzip
import pathlib

import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.steam.parse import parse_reviews
from data_pipelines.steam.steam_dataset_builder import Builder
from tests.data_pipelines.tfds_harness import build


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    """Four users and five games, newest review first, in the published format."""
    lines = [
        f"{{u'username': u'Käufer {user}', u'hours': 0.1, u'products': 41, "
        f"u'product_id': u'{100 + game}', u'page_order': 0, u'date': u'2017-12-{20 - game}', "
        f"u'text': u'It\\'s \"good\"', u'early_access': False, u'page': 1}}\n"
        for user in range(4)
        for game in range(5)
    ]
    (tmp_path / "source").mkdir()
    with gzip.open(tmp_path / "source" / "steam_reviews.json.gz", "wt", encoding="utf-8") as stream:
        stream.writelines(lines)
    return tmp_path / "source"


def test_published_format(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("steam", source, tmp_path / "data", k_core=4)
    assert (counts["users"], counts["items"], counts["events"]) == (4, 5, 20)
    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.max_length == 25
    assert data.test.users.tolist() == [f"Käufer {user}" for user in range(4)]
    [(_, labels)] = data.test.batches(4, candidates=None)
    games = data.spec.vocabulary("item_id").values
    assert {games[target - 2] for target in labels["target"].numpy()} == {"100"}


def test_reviews_without_a_name_go_by_their_user_id() -> None:
    line = "{'user_id': 7656, 'product_id': '10', 'date': '2017-12-17'}"
    assert list(parse_reviews([line, "\n"], "x")) == [("7656", "10", "2017-12-17")]


@pytest.mark.parametrize(
    "line",
    [
        "{'username': 'a', 'product_id': '10'}",
        "{'product_id': '10', 'date': '2017-12-17'}",
        "{'username': 'a', 'product_id'",
        "[1]",
        "__import__('os')",
    ],
)
def test_wrong_reviews(line: str) -> None:
    with pytest.raises(
        DataError, match="s.json, line 1, must be a Python dict with username or user_id, product"
    ):
        list(parse_reviews([line], "s.json"))


def test_a_date_must_be_one(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (source / "steam_reviews.json.gz").unlink()
    line = "{'username': 'a', 'product_id': '10', 'date': 'Posted May 5'}\n"
    (source / "steam_reviews.json").write_text(line)
    with pytest.raises(DataError, match="row 1, must be a number or a date.*'Posted May 5'"):
        data_pipelines.prepare("steam", source, tmp_path / "data")


def test_builder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, examples = build(Builder, tmp_path / "out", source)
    assert len(examples) == 20
    expected = {"user_id": "Käufer 0".encode(), "item_id": b"100", "date": b"2017-12-20"}
    assert examples[0] == expected
