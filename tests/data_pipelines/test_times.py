from __future__ import annotations

import datetime
from typing import Any

import pytest

from data_pipelines import DataError
from data_pipelines.times import parse_times

DAY = 86_400.0


def where(index: int) -> str:
    return f"a.csv, row {index + 1}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5.0),
        ("7.25", 7.25),
        ("1970-01-02", DAY),
        ("1970-01-02T01:00:00", DAY + 3600),
        ("1970-01-02 01:00:00", DAY + 3600),
        ("1970-01-02T01:00:00Z", DAY + 3600),
        ("1970-01-02T01:00:00+01:00", DAY),
        (datetime.datetime(1970, 1, 2), DAY),
        (datetime.date(1970, 1, 2), DAY),
    ],
)
def test_times(value: Any, expected: float) -> None:
    assert parse_times([value], where).tolist() == [expected]
    assert parse_times([value, "0", "1970-01-01"], where).tolist() == [expected, 0, 0]


@pytest.mark.parametrize("value", ["", None, "yesterday", "2024-13-01", "inf", [1]])
def test_wrong_times(value: Any) -> None:
    with pytest.raises(DataError, match=r"a.csv, row 2, must be a number or a date such as"):
        parse_times(["1", value], where)
