"""A description that is no YAML or JSON, and what is said of it."""

from __future__ import annotations

import pathlib

import pytest

import data_pipelines
from data_pipelines import DataError


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.json",
            '{"a": 1,\n "b" 2}',
            "/a.json must be JSON, and is not in line 2, column 6: Expecting ':' delimiter. "
            "Received: ' \"b\" 2}'",
        ),
        ("a.json", "", "must be JSON, and is not in line 1, column 1: Expecting value. .*: ''"),
        (
            "a.yaml",
            "a: 1\nb: c: d\n",
            "/a.yaml must be YAML, and is not in line 2, column 5: mapping values are not allowed "
            "here. Received: 'b: c: d'$",
        ),
        ("a.yaml", "a: [", "must be YAML, and is not in line 1, column 5: .*Received: 'a: \\['$"),
        ("a.yaml", "a: [1,\n", "must be YAML, and is not in line 2, column 1: .*Received: ''$"),
        ("a.yaml", "a: \x01", "/a.yaml must be YAML: check its texts.*special characters are not"),
        ("a.yaml", "a: 2024-13-45", "/a.yaml must be YAML: check its texts.*month must be in"),
    ],
)
def test_a_description_must_be_readable(
    tmp_path: pathlib.Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as error:
        data_pipelines.prepare(tmp_path / name, None, tmp_path / "data")
    assert "\n" not in str(error.value)
    assert "<unicode string>" not in str(error.value)
    with pytest.raises(DataError, match="A file is missing"):
        data_pipelines.prepare(tmp_path / "b.yaml", None, tmp_path / "data")
    (tmp_path / name).write_text("[]")
    with pytest.raises(DataError, match="A description must be a mapping"):
        data_pipelines.prepare(tmp_path / name, None, tmp_path / "data")
