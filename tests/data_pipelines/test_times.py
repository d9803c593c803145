from __future__ import annotations

import datetime
from typing import Any

import pytest

from data_pipelines import DataError
from data_pipelines.arrow_values import DateSeconds
from data_pipelines.times import (
    TimeReader,
    moment_number,
    parse_moment,
    parse_times,
    require_clock_of,
    require_one_clock,
)

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


@pytest.mark.parametrize("value", ["", None, "yesterday", "2024-13-01", "inf", [1]])
def test_wrong_times(value: Any) -> None:
    with pytest.raises(DataError, match=r"a.csv, row 2, must be a number or a date such as"):
        parse_times(["1", value], where)


@pytest.mark.parametrize(
    ("values", "row", "first", "received"),
    [
        (["1970-01-02", "0"], 2, "a date, as is '1970-01-02'", "'0', a number"),
        (["20240530", "20240531", "2024-06-01"], 3, "a number, as is '2024.*", "'2024-06-01', a d"),
        ([5, datetime.date(1970, 1, 2)], 2, "a number, as is 5", r"datetime.date\(.*, a date"),
    ],
)
def test_a_column_of_numbers_and_dates(
    values: list[Any], row: int, first: str, received: str
) -> None:
    message = rf"a.csv, row {row}, must be {first}.* in a.csv, row 1: .*Received: {received}"
    with pytest.raises(DataError, match=message):
        parse_times(values, where)


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (["5", "6"], ["2024-05-31"], "row 1, must be a number, as is '5' in .*: '2024-05-31', a"),
        (["2024-05-31"], ["7", "8"], "row 1, must be a date, as is '2024-05-31' in .*: '7', a n"),
        (["5"], DateSeconds([DAY]), "row 1, must be a number.*: 1970-01-02T00:00:00, a date"),
        (DateSeconds([DAY]), [5], "must be a date, as is 1970-01-02T00:00:00 in .*: 5, a number"),
    ],
)
def test_chunks_of_numbers_and_dates(first: Any, then: Any, message: str) -> None:
    read = TimeReader()
    read(first, where)
    with pytest.raises(DataError, match=message):
        read(then, where)


def test_dates_of_text_and_of_arrow_are_one_kind() -> None:
    read = TimeReader()
    read([], where)
    read(["1970-01-03", "1970-01-02"], where)
    assert read(DateSeconds([DAY * 5]), where).tolist() == [DAY * 5]
    assert (read.low, read.high) == (DAY, DAY * 5)
    assert str(read) == (
        "1970-01-02T00:00:00 to 1970-01-06T00:00:00 (such as '1970-01-03' in a.csv, row 1)"
    )


MAY, JUNE = 1714521600, 1717200000  # the first of each, 2024, as seconds
DATES_OF_MAY = ["2024-05-01", "2024-05-31T12:00:00"]


def times(*values: Any) -> TimeReader:
    read = TimeReader()
    read(list(values), where)
    return read


@pytest.mark.parametrize(
    ("examples", "log"),
    [
        ([JUNE, JUNE + 5], [MAY, JUNE - 1]),  # a day ahead
        ([JUNE, JUNE], [MAY - 3650 * DAY, MAY - 3650 * DAY]),  # ten years ahead
        (["2024-06-01"], DATES_OF_MAY),
        (DATES_OF_MAY, ["2020-01-01"]),
        (DATES_OF_MAY, ["2024-06-01"]),  # no history, but one clock
        ([MAY, JUNE], DATES_OF_MAY),
        ([JUNE, JUNE + DAY], DATES_OF_MAY),
        ([60, 99], [0, 59]),  # counted from some moment
        ([8], [0]),
        ([5000, 5010], [1, 7]),
        ([20240601], [20230101, 20230102]),
        ([MAY * 1000, JUNE * 1000], [0, MAY * 1000 + 1]),
    ],
)
def test_clocks_that_can_be_compared(examples: list[Any], log: list[Any]) -> None:
    require_one_clock(times(*examples), times(*log))


@pytest.mark.parametrize(
    ("examples", "log"),
    [
        ([MAY * 1000, JUNE * 1000], DATES_OF_MAY),
        (DATES_OF_MAY, [MAY * 1000, JUNE * 1000]),
        ([MAY * 1000, JUNE * 1000], [MAY, JUNE]),
        ([MAY, JUNE], [MAY * 1000, JUNE * 1000]),
        ([MAY, JUNE], [MAY * 10**9, JUNE * 10**9]),
        ([JUNE, JUNE], [MAY // 86400, MAY // 86400]),
        ([MAY, JUNE], [20240501, 20240531]),
        (DATES_OF_MAY, [20240501, 20240531]),
        ([MAY, JUNE], [0, 99]),
    ],
)
def test_clocks_that_cannot_be_compared(examples: list[Any], log: list[Any]) -> None:
    first, second = times(*examples), times(*log)
    with pytest.raises(DataError, match="must be on one clock.*or both as numbers of one") as error:
        require_one_clock(first, second)
    assert str(error.value).endswith(f"Received: examples from {first}, behaviors from {second}")


@pytest.mark.parametrize(
    ("value", "moment", "number"),
    [
        (5, 5, 5.0),
        (-7.25, -7.25, -7.25),
        ("7.25", 7.25, 7.25),
        ("20240531", 20240531.0, 20240531.0),
        ("1970-01-02", "1970-01-02T00:00:00", DAY),
        (datetime.date(1970, 1, 2), "1970-01-02T00:00:00", DAY),
        ("1970-01-02T01:00:00.5+01:00", "1970-01-02T00:00:00.500000", DAY + 0.5),
    ],
)
def test_moments(value: Any, moment: float | str, number: float) -> None:
    assert parse_moment("start", value) == parse_moment("start", moment) == moment
    assert moment_number(moment) == number


@pytest.mark.parametrize("value", ["", None, True, "yesterday", "nan", float("inf"), 10**400, [1]])
def test_wrong_moments(value: Any) -> None:
    with pytest.raises(DataError, match="`start` must be a number or a date .*Received: start="):
        parse_moment("start", value)


def times_of(*values: Any) -> TimeReader:
    read = TimeReader()
    read(list(values), where)
    return read


@pytest.mark.parametrize(
    ("moment", "times"),
    [
        (500.0, times_of(1, 9)),
        ("1990-01-01T00:00:00", times_of("1970-01-02", "1970-01-03")),
        # Dates are seconds beside numbers.
        ("1970-01-02T00:00:00", times_of(DAY - 1, DAY + 1)),
        (DAY, times_of("1970-01-01", "1970-01-03")),
        (5.0, TimeReader()),
    ],
)
def test_moments_that_are_on_the_clock(moment: float | str, times: TimeReader) -> None:
    require_clock_of("start", moment, times)


@pytest.mark.parametrize(
    ("moment", "times", "message"),
    [
        (
            "1970-01-02T00:00:00",
            times_of(1, 9),
            "a number, as they are; .*start=1970-01-02T00:00:00, which is 86400 beside numbers, "
            r"and times from 1 to 9 \(such as 1 in a.csv, row 1\)",
        ),
        (
            19700102,
            times_of("1970-01-01", "1970-01-03"),
            "a date, as they are; .*Received: start=19700102, and times from 1970-01-01T00:00:00",
        ),
    ],
)
def test_moments_of_another_clock(moment: float | str, times: TimeReader, message: str) -> None:
    with pytest.raises(DataError, match=f"`start` must be on the clock of the times: {message}"):
        require_clock_of("start", moment, times)
