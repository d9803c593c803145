"""The parts of a description: what is made of them, and what they refuse."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from amer_tf.features import Vocabulary
from data_pipelines import DataError
from data_pipelines.description_parts import (
    read_fields,
    read_format,
    read_key_column,
    read_vocabularies,
    read_vocabulary,
)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"kind": ["numeric"]}, r"fields\['x'\].kind must be one of .* Received: \['numeric'\]"),
        ({"column": 5}, r"fields\['x'\].column must be a non-empty text. Received: 5"),
        ({"behavior_of": ["ad"]}, r"fields\['x'\].behavior_of must be .* Received: \['ad'\]"),
        ({"behavior_of": None}, r"fields\['x'\].behavior_of must be .* Received: None"),
        (
            {"kind": "numeric", "quantile": 0.5},
            r"fields\['x'\] is wrong: `quantile` must be in \[0, 0.5\). Received: quantile=0.5",
        ),
    ],
)
def test_wrong_fields(field: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_fields({"fields": [{"name": "x", **field}]})


@pytest.mark.parametrize("text", ["3\n1\n20\n", "3\n1\n20", "\ufeff3\r\n1\r\n20\r\n"])
def test_values_stand_one_a_line(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "values.txt").write_text(text, encoding="utf-8", newline="")
    entry = {"name": "v", "file": "values.txt"}
    assert read_vocabulary(entry, tmp_path).read_values() == ("3", "1", "20")
    numbers = read_vocabulary({**entry, "source": "file", "dtype": "int64", "size": 3}, tmp_path)
    assert numbers.read_values() == (3, 1, 20)


def test_only_line_breaks_end_a_line(tmp_path: pathlib.Path) -> None:
    # `str.splitlines` would see four lines.
    text = "a\u2028b\n\x0cc\n"
    (tmp_path / "values.txt").write_text(text, encoding="utf-8")
    vocabulary = read_vocabulary({"name": "v", "file": "values.txt"}, tmp_path)
    assert vocabulary.values == ("a\u2028b", "\x0cc")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a\n\nb\n", {}, "values.txt, line 2, must hold a value. Received: ''"),
        ("1\nb\n", {"dtype": "int64"}, "values.txt, line 2, must be an integer. Received: 'b'"),
    ],
)
def test_wrong_lines(
    tmp_path: pathlib.Path, text: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "values.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_vocabulary({"name": "v", "file": "values.txt", **options}, tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"values": ["a"], "min_count": 2},
            r"takes \['min_count'\] with .* Received: source='values'",
        ),
        (
            {"source": "hash", "size": 5, "max_size": 2},
            r"takes \['max_size'\] with source 'fit' alone",
        ),
    ],
)
def test_only_fitting_counts(tmp_path: pathlib.Path, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_vocabulary({"name": "v", **entry}, tmp_path)


@pytest.mark.parametrize("entries", [None, "v", {"name": "v"}, 5])
def test_vocabularies_are_a_list(tmp_path: pathlib.Path, entries: Any) -> None:
    with pytest.raises(DataError, match="`vocabularies` must be a list. Received: vocabularies="):
        read_vocabularies({"vocabularies": entries}, tmp_path)
    assert read_vocabularies({"vocabularies": [{"name": "v"}]}, tmp_path) == [Vocabulary("v")]
    assert read_vocabularies({}, tmp_path) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"column": "u", "dtype": "float"}, "`user.dtype` must be one of string, int64. .*'float'"),
        ({"column": "u", "dtype": ["int64"]}, "`user.dtype` must be one of string, int64"),
        ({"column": 5}, "`user` must be a non-empty text. Received: 5"),
        ("", "`user` must be a non-empty text. Received: ''"),
    ],
)
def test_wrong_key_columns(entry: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_key_column({"user": entry}, "user")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"header": True}, "`header` must be a list of column names. Received: header=True"),
        ({"header": None}, "`header` must be a list of column names. Received: header=None"),
        ({"header": "a,b"}, "`header` must be a list of column names. Received: header='a,b'"),
        ({"header": []}, r"`header` must be a list of column names. Received: header=\[\]"),
        ({"header": ["a", 5]}, "A name in `header` must be a non-empty text. Received: 5"),
        ({"encoding": "hex"}, "`encoding` must be one that Python knows.*Received: encoding='hex'"),
        ({"encoding": "a\0b"}, "`encoding` must be one that Python knows"),
        ({"encoding": 5}, "`encoding` must be one that Python knows.*Received: encoding=5"),
        ({"separator": "\n"}, r"one character, no quote and no line break. Received: .*'\\n'"),
        ({"separator": '"'}, "one character, no quote and no line break"),
    ],
)
def test_wrong_formats(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_format({"format": entry})
