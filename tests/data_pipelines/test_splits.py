from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest

from data_pipelines import DataError, splits
from data_pipelines.sequence_split import by_time, leave_one_out
from data_pipelines.splits import ByColumn, ByTime, LeaveOneOut, PerUser, Random


def test_leave_one_out() -> None:
    split = leave_one_out(np.array([1, 2, 3, 6]))
    assert split.train_length.tolist() == [1, 2, 1, 4]
    assert split.validation.tolist() == [[2, 1], [3, 4]]
    assert split.test.tolist() == [[2, 2], [3, 5]]


def test_by_time() -> None:
    # Users: all before; one after each moment; nothing before the first; only after the second.
    split = by_time(np.array([4, 5, 3, 2]), np.array([4, 2, 0, 0]), np.array([4, 3, 2, 0]))
    assert split.train_length.tolist() == [4, 2, 0, 0]
    assert split.validation.tolist() == [[1, 2]]
    assert split.test.tolist() == [[1, 3], [2, 2]]


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.56, 0.8, 0.999, 1.0])
@pytest.mark.parametrize("unit", [1e9, 1e-3, -1.5, 2.0**-1060])
def test_moment_after(share: float, unit: float) -> None:
    times = np.random.default_rng(0).integers(-20, 30, 200).astype(np.float64) * unit
    last = np.sort(times)[int(np.ceil(round(share * 200, 6))) - 1]
    expected = min(times[times > last], default=np.inf)
    assert splits.moment_after(in_chunks(times), share) == expected


def in_chunks(times: np.ndarray) -> splits.TimeChunks:
    return lambda: (times[start : start + 17] for start in range(0, len(times), 17))


def test_moments() -> None:
    times = np.arange(100.0)
    assert ByTime(3.0, 7.0).moments(in_chunks(times)) == (3.0, 7.0)
    assert ByTime(train_share=0.5, validation_share=0.25).moments(in_chunks(times)) == (50.0, 75.0)


def test_moments_of_each_user() -> None:
    # User 0 has ten rows, of which 5 and 7 are needed; user 2 five, of which 2.5 and 3.5 are, but
    # three of them are of one time; user 1 has one row, and one row has no user.
    rows = [(0, time) for time in range(10)]
    rows += [(2, time) for time in (50, 50, 50, 20, 90)] + [(1, 4), (-1, 3)]
    users, times = (np.array(column) for column in zip(*rows[::-1], strict=True))
    chunks = [(users[:4], times[:4]), (users[4:], times[4:])]
    moments = PerUser(train_share=0.5, validation_share=0.2).moments(chunks)
    inf = math.inf
    assert moments.tolist() == [[5, inf, 90, inf], [7, inf, 90, inf]]


@pytest.mark.parametrize("train_share", np.arange(1, 99) / 100)
def test_whole_numbers_of_the_rows_of_a_user_are_met(train_share: float) -> None:
    times = np.arange(100.0)
    moments = PerUser(train_share, validation_share=0.01).moments(
        [(np.zeros(100, np.int32), times)]
    )
    expected = [round(100 * train_share), round(100 * train_share) + 1]
    assert moments[:, 0].tolist() == [place if place < 100 else math.inf for place in expected]


@pytest.mark.parametrize("train_share", np.arange(1, 99) / 100)
def test_shares_that_are_whole_numbers_of_rows_are_met(train_share: float) -> None:
    moments = ByTime(train_share=train_share, validation_share=0.01).moments(
        in_chunks(np.arange(100.0))
    )
    assert moments == (round(100 * train_share), round(100 * train_share) + 1)


@pytest.mark.parametrize(
    ("rows_of_day", "expected"),
    [
        ([7] * 10, [56, 7, 7]),
        ([80, 10, 10], [80, 10, 10]),
        ([40, 39, 2, 10, 9], [81, 10, 9]),
    ],
)
def test_rows_of_one_moment_stay_together(rows_of_day: list[int], expected: list[int]) -> None:
    days = np.repeat(np.arange(len(rows_of_day), dtype=np.float64), rows_of_day)
    parts = np.searchsorted(ByTime().moments(in_chunks(days)), days, "right")
    assert np.bincount(parts).tolist() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("leave_one_out", LeaveOneOut()),
        ({"kind": "by_time", "train_until": 1, "validation_until": 2}, ByTime(1, 2)),
        ({"kind": "by_time", "train_until": "1", "validation_until": 2.5}, ByTime(1, 2.5)),
        (
            {"kind": "by_time", "train_until": "2024-01-05", "validation_until": 1704456000},
            ByTime("2024-01-05T00:00:00", 1704456000),
        ),
        ("by_time", ByTime()),
        ({"kind": "random", "seed": 3, "train_share": 0.7}, Random(0.7, seed=3)),
        ({"kind": "by_column", "column": "part"}, ByColumn("part")),
        (ByColumn("part"), ByColumn("part")),
    ],
)
def test_parse_split(value: Any, expected: splits.Split) -> None:
    assert splits.parse_split(value) == expected
    assert splits.parse_split(splits.describe(expected)) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("half", "kind must be one of leave_one_out, .* Received: split='half'"),
        ({"train_share": 0.5}, "kind must be one of leave_one_out"),
        ({"kind": ["by_time"]}, r"kind must be one of .* Received: split={'kind': \['by_time'\]}"),
        (None, "kind must be one of leave_one_out, .* Received: split=None"),
        ({"kind": "leave_one_out", "seed": 1}, r"takes nothing else. Received: \['seed'\]"),
        ({"kind": "random", "train_share": "x"}, "must be a number. Received: train_share='x'"),
        ({"kind": "random", "seed": 0.5}, "must be a number. Received: seed=0.5"),
        ({"kind": "random", "train_share": math.nan}, "must be a number. Received: .*=nan"),
        ({"kind": "by_time", "train_share": 10**400}, "must be a number. Received: train_share=1"),
        ({"kind": "by_column", "column": 1}, "must be text. Received: column=1"),
        ({"kind": "random", "train_share": 0.95}, "leave a share for the test. Received: Random"),
        ({"kind": "random", "validation_share": 0}, "must be positive"),
        (
            {"kind": "by_time", "train_until": "soon", "validation_until": 5},
            "`train_until` must be a number or a date such as 2024-.* Received: train_until='soon'",
        ),
        (
            {"kind": "by_time", "train_until": "2024-01-05", "validation_until": "2024-01-04T23"},
            "must come before `validation_until`",
        ),
        ({"kind": "by_time", "train_until": 5}, "both of train_until and validation_until"),
        (
            {"kind": "by_time", "train_until": 5, "validation_until": 5},
            "must come before `validation_until`",
        ),
    ],
)
def test_wrong_splits(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        splits.parse_split(value)


def test_moments_that_are_dates() -> None:
    day = datetime.date(2024, 1, 5)
    split = ByTime(day, "2024-01-05T14:00:00+02:00")  # type: ignore[arg-type]
    midnight = 1704412800
    assert split.moments(in_chunks(np.zeros(0))) == (midnight, midnight + 12 * 3600)
    # As plain JSON, whatever it was written as.
    assert splits.describe(split)["train_until"] == "2024-01-05T00:00:00"
    assert splits.describe(split)["validation_until"] == "2024-01-05T12:00:00"
    assert splits.parse_split(splits.describe(split)) == split


def test_a_split_is_of_one_task() -> None:
    splits.require_split_of("ctr", ByTime())
    with pytest.raises(DataError, match="of task 'ctr' must be one of random, by_time, by_column"):
        splits.require_split_of("ctr", LeaveOneOut())
    with pytest.raises(DataError, match="Received: split='random'"):
        splits.require_split_of("next_item", Random())
