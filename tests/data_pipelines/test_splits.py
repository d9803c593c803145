from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data_pipelines import DataError, splits
from data_pipelines.sequence_split import by_time, leave_one_out
from data_pipelines.splits import ByColumn, ByTime, LeaveOneOut, Random


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


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.8, 0.999, 1.0])
def test_time_quantile(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "CHUNK_ROWS", 17)
    times = np.random.default_rng(0).integers(0, 50, 200).astype(np.float64) * 1e9
    expected = np.sort(times)[int(np.ceil(share * 200)) - 1]
    assert splits.time_quantile(times, share) == expected


def test_moments() -> None:
    times = np.arange(100.0)
    assert ByTime(3.0, 7.0).moments(times) == (3.0, 7.0)
    assert ByTime(train_share=0.5, validation_share=0.25).moments(times) == (49.0, 74.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("leave_one_out", LeaveOneOut()),
        ({"kind": "by_time", "train_until": 1, "validation_until": 2}, ByTime(1, 2)),
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
        (None, "kind must be one of leave_one_out, .* Received: split=None"),
        ({"kind": "leave_one_out", "seed": 1}, r"takes nothing else. Received: \['seed'\]"),
        ({"kind": "random", "train_share": "x"}, "must be a number. Received: train_share='x'"),
        ({"kind": "random", "seed": 0.5}, "must be a number. Received: seed=0.5"),
        ({"kind": "by_column", "column": 1}, "must be text. Received: column=1"),
        ({"kind": "random", "train_share": 0.95}, "leave a share for the test. Received: Random"),
        ({"kind": "random", "validation_share": 0}, "must be positive"),
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


def test_a_split_is_of_one_task() -> None:
    splits.require_split_of("ctr", ByTime())
    with pytest.raises(DataError, match="of task 'ctr' must be one of random, by_time, by_column"):
        splits.require_split_of("ctr", LeaveOneOut())
    with pytest.raises(DataError, match="Received: split='random'"):
        splits.require_split_of("next_item", Random())
