from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines import DataError
from data_pipelines.arrow_values import DateSeconds
from data_pipelines.tables import Chunk, FactorizedColumn

LETTERS = FactorizedColumn(["b", "a", ""], np.array([0, 1, 0, 2], np.int32))


def test_factorized_column_is_a_sequence() -> None:
    assert list(LETTERS) == ["b", "a", "b", ""]
    assert len(LETTERS) == 4
    assert (LETTERS[2], LETTERS[-1]) == ("b", "")
    assert list(LETTERS[1:3]) == ["a", "b"]


@pytest.mark.parametrize("column", [LETTERS, list(LETTERS)])
def test_encode(column: Sequence[Any]) -> None:
    chunk = Chunk("a.csv", 5, {"letter": column})
    array = chunk.encode("letter", lambda values, where: np.array([len(v) for v in values]))
    assert array.tolist() == [1, 1, 1, 0]


def test_dates_stay_dates_where_some_rows_are_taken() -> None:
    chunk = Chunk("a.parquet", 1, {"at": DateSeconds([0.0, 86400.0, None]), "n": [1, 2, 3]})
    taken = chunk.take(np.array([1, 2]))
    assert isinstance(taken.column("at"), DateSeconds)
    assert list(taken.column("at")) == [86400.0, None]
    assert type(taken.column("n")) is list
    assert taken.row_numbers().tolist() == [2, 3]


def test_encode_sees_each_different_value_once() -> None:
    seen: list[Any] = []

    def encode(values: Sequence[Any], where: Callable[[int], str]) -> npt.NDArray[Any]:
        seen.extend(values)
        assert where(2) == "a.csv, column 'letter', row 8"
        return np.arange(len(values))

    chunk = Chunk("a.csv", 5, {"letter": LETTERS})
    assert chunk.encode("letter", encode).tolist() == [0, 1, 0, 2]
    assert seen == ["b", "a", ""]


@pytest.mark.parametrize("column", [LETTERS, list(LETTERS)])
def test_convert(column: Sequence[Any]) -> None:
    chunk = Chunk("a.csv", 5, {"letter": column})
    assert list(chunk.convert("letter", str.upper, "a letter")) == ["B", "A", "B", ""]

    def refuse(value: str) -> str:
        if not value:
            raise ValueError
        return value

    with pytest.raises(DataError, match=r"column 'letter', row 8, must be a letter. Received: ''"):
        chunk.convert("letter", refuse, "a letter")


def test_missing_column() -> None:
    with pytest.raises(DataError, match=r"a.csv lacks the column 'digit'.*columns \['letter'\]"):
        Chunk("a.csv", 1, {"letter": LETTERS}).column("digit")
