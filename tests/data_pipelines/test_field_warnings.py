"""Columns that tell nothing: constant or missing ones, separators that never occur."""

from __future__ import annotations

import pathlib

import pytest

import data_pipelines
from data_pipelines import DataError
from tests.data_pipelines.test_ctr_table import make_rows, write


def test_a_field_with_one_value(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{**row, "user": "the only one", "price": "3"} for row in make_rows()]
    data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    for name in ("user", "price"):
        assert f"The field '{name}' has one value in the training split, which tells a" in (
            caplog.text
        )
    assert "field 'ad'" not in caplog.text


def test_a_field_with_one_value_or_none(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {**row, "page": "the only one" if number % 4 else ""}
        for number, row in enumerate(make_rows())
    ]
    data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    assert "field 'page'" not in caplog.text


@pytest.mark.parametrize(
    ("value", "message"),
    [("7", "has one value in"), ("", "has no value that its vocabulary knows in")],
)
def test_constants_of_hashed_fields(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, value: str, message: str
) -> None:
    rows = [{**row, "page": value} for row in make_rows()]
    data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    assert f"The field 'page' {message} the training split, which tells a model" in caplog.text


def test_a_separator_that_never_occurs(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**row, "tags": row["tags"].replace(";", "/")} for row in make_rows()]
    data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    message = "The separator ';' of the field 'tags' stands in none of its texts, so that each has"
    assert message in caplog.text
    assert "field 'tag_history'" not in caplog.text


def test_a_separator_of_steps_that_never_occurs(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**row, "history": row["history"].replace("|", "")} for row in make_rows()]
    rows = [{**row, "tag_history": "a;b" if row["history"] else ""} for row in rows]
    data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    for name in ("history", "tag_history"):
        message = f"The separator of steps '|' stands in none of the texts of the field '{name}'"
        assert message in caplog.text


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("ad", "The vocabulary 'ad' must have at least one value that stands 2 times"),
        ("price", "The numeric field 'price' must have a number in the training split"),
    ],
)
def test_a_column_that_is_all_missing(tmp_path: pathlib.Path, column: str, message: str) -> None:
    rows = [{**row, "history": "", "tag_history": "", column: ""} for row in make_rows()]
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
