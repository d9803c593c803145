from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import Vocabulary
from data_pipelines import DataError, coding
from data_pipelines.coding import ValueIndex, clean_values, numbers
from data_pipelines.vocabulary_coding import VocabularyCoder, hash_values


def where(index: int) -> str:
    return f"a.csv, column 'x', row {index + 1}"


def test_codes_count_up_and_stay() -> None:
    index = ValueIndex("string")
    assert index.encode(["b", "a", "b", "", None, math.nan], where).tolist() == [
        0,
        1,
        0,
        -1,
        -1,
        -1,
    ]
    assert index.encode(["c", "a"], where).tolist() == [2, 1]
    assert index.values == ["b", "a", "c"]
    assert len(index) == 3


def test_more_values_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coding.MAX_VALUES > 1_000_000
    monkeypatch.setattr(coding, "MAX_VALUES", 3)
    index = ValueIndex("string")
    index.encode(["a", "b", "c"], where)
    with pytest.raises(
        DataError,
        match=r"a.csv, column 'x', row 2, is the 4th different value of its column, and no "
        r"more than 3 are held in memory: hash a field \(source: hash\), .*Received: 'd'",
    ):
        index.encode(["a", "d"], where)


@pytest.mark.parametrize("source", ["hash", "integer"])
def test_more_rows_than_memory_holds(source: str) -> None:
    dtype = "int64" if source == "integer" else "string"
    vocabulary = Vocabulary("ad", source=source, dtype=dtype, size=2_000_000_000)
    with pytest.raises(
        DataError, match=r"'ad' must have at most .* a smaller size. Received: size=2,000,000,000"
    ):
        VocabularyCoder(vocabulary)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["7", "-7", "", 7, 7.0, None], "int64", [7, -7, None, 7, 7, None]),
        (["x", 7, 7.5, True, ""], "string", ["x", "7", "7.5", "True", None]),
    ],
)
def test_clean_values(values: list[Any], dtype: str, expected: list[Any]) -> None:
    assert clean_values(values, dtype, where) == expected


@pytest.mark.parametrize("value", ["7.5", 7.5, "abc", "1e3", [1], 2**63])
def test_an_id_must_be_an_integer(value: Any) -> None:
    with pytest.raises(
        DataError, match=r"a.csv, column 'x', row 2, must be an integer. Received: "
    ):
        clean_values([1, value], "int64", where)


@pytest.mark.parametrize("source", ["fit", "hash"])
def test_a_text_must_be_one_that_a_file_can_hold(source: str) -> None:
    coder = VocabularyCoder(Vocabulary("v", source=source, size=9 if source == "hash" else None))
    with pytest.raises(
        DataError,
        match=r"a.csv, column 'x', row 3, must be text that UTF-8 can hold; half of a surrogate "
        r"pair is none. Received: 'b\\ud83d'",
    ):
        coder.encode(["ä", None, "b\ud83d", "\ud83d\ude00"], where)


def test_bytes_are_text_in_utf8() -> None:
    values = ["été".encode(), "été", b"", b"nl"]
    assert ValueIndex("string").encode(values, where).tolist() == [0, 0, -1, 1]
    assert clean_values([b"5", b""], "int64", where) == [5, None]
    with pytest.raises(DataError, match=r"row 2, must be text in UTF-8. Received: b'\\xff'"):
        clean_values(["a", b"\xff"], "string", where)


def test_numbers() -> None:
    np.testing.assert_array_equal(
        numbers(["1.5", "", "nan", None, 2, "-3e2"], where),
        [1.5, math.nan, math.nan, math.nan, 2, -300],
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [("abc", "must be a number"), ("inf", "must be a finite number"), ([], "must be a number")],
)
def test_a_number_must_be_one(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"a.csv, column 'x', row 3, {message}. Received: "):
        numbers(["1", "", value], where)


def test_a_listed_vocabulary_knows_its_values_alone() -> None:
    coder = VocabularyCoder(Vocabulary("v", source="values", values=("a", "b")))
    assert coder.encode(["b", "x", "", "a"], where).tolist() == [1, -1, -1, 0]


def test_integer_ids_outside_the_range_are_unknown() -> None:
    coder = VocabularyCoder(Vocabulary("v", source="integer", dtype="int64", size=3))
    assert coder.encode(["0", 2, 3, -1, None], where).tolist() == [0, 2, -1, -1, -1]


def test_a_hash_is_that_of_a_serving_graph() -> None:
    texts = ["a", "b", "long text", "ä"]
    expected = tf.strings.to_hash_bucket_fast(texts, 100).numpy()
    assert hash_values([*texts, None], 100).tolist() == [*expected, -1]
    coder = VocabularyCoder(Vocabulary("v", source="hash", dtype="int64", size=100))
    expected = tf.strings.to_hash_bucket_fast(tf.strings.as_string([12, -5]), 100).numpy()
    assert coder.encode(["12", -5], where).tolist() == expected.tolist()
