"""How examples are dealt out to training, validation and test."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.errors import DataError
from data_pipelines.filters import CHUNK_ROWS

NAMES = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """A user's last event is the test, the one before it the validation.

    Users with fewer than three events only train.
    """


@dataclasses.dataclass(frozen=True)
class ByTime:
    """Two moments cut all users: events before the first train, before the second validate.

    Either both moments are given, or the shares of the events that lie before them.

    Args:
        train_until: First moment that is not training, in the unit of the time column.
        validation_until: First moment that is test.
        train_share: Share of the events before `train_until`, where that is not given.
        validation_share: Share of the events between the two moments.
    """

    train_until: float | None = None
    validation_until: float | None = None
    train_share: float = 0.8
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        if (self.train_until is None) != (self.validation_until is None):
            raise DataError(
                "A split by time takes both of train_until and validation_until, or none. "
                f"Received: {self}"
            )
        if self.train_until is not None and self.validation_until is not None:
            if not self.train_until < self.validation_until:
                raise DataError(
                    f"`train_until` must come before `validation_until`. Received: {self}"
                )
        elif not 0 < self.train_share < self.train_share + self.validation_share < 1:
            raise DataError(
                "`train_share` and `validation_share` must be positive and leave a share for the "
                f"test. Received: {self}"
            )

    def moments(self, times: npt.NDArray[np.float64]) -> tuple[float, float]:
        """Both moments; from the shares where they are not given.

        Args:
            times: Times of all events, may be mapped from a file.
        """
        if self.train_until is not None and self.validation_until is not None:
            return self.train_until, self.validation_until
        return (
            time_quantile(times, self.train_share),
            time_quantile(times, self.train_share + self.validation_share),
        )


Split = LeaveOneOut | ByTime


@dataclasses.dataclass(frozen=True)
class SequenceSplit:
    """Which events of each user train, and which are asked for.

    Args:
        train_length: int64 `[users]`: how many of a user's first events train.
        validation: int64 `[examples, 2]`: user, and index of the asked event in his sequence;
            his history is what stands before it.
        test: Likewise.
    """

    train_length: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def time_quantile(times: npt.NDArray[np.float64], share: float) -> float:
    """The smallest time before or at which at least this share of the events lies.

    Found by halving an interval, so that no copy of the times is held or sorted.
    """
    chunks = range(0, len(times), CHUNK_ROWS)

    def count_until(moment: float) -> int:
        return sum(int((times[start : start + CHUNK_ROWS] <= moment).sum()) for start in chunks)

    low = min(float(times[start : start + CHUNK_ROWS].min()) for start in chunks)
    high = max(float(times[start : start + CHUNK_ROWS].max()) for start in chunks)
    if count_until(low) >= share * len(times):
        return low
    while (middle := (low + high) / 2) not in (low, high):
        if count_until(middle) >= share * len(times):
            high = middle
        else:
            low = middle
    return high


def leave_one_out(lengths: npt.NDArray[np.int64]) -> SequenceSplit:
    """Splits sequences of these lengths by `LeaveOneOut`."""
    users = np.flatnonzero(lengths >= 3)
    train_length = lengths.copy()
    train_length[users] -= 2
    return SequenceSplit(
        train_length,
        np.stack([users, lengths[users] - 2], axis=1),
        np.stack([users, lengths[users] - 1], axis=1),
    )


def by_time(
    lengths: npt.NDArray[np.int64],
    before_validation: npt.NDArray[np.int64],
    before_test: npt.NDArray[np.int64],
) -> SequenceSplit:
    """Splits sequences in the order of time by `ByTime`.

    A user is asked for his first event of a period, if he has one and a history before it.

    Args:
        lengths: Events of each user.
        before_validation: How many of them lie before the first moment.
        before_test: How many lie before the second.
    """
    asked = np.flatnonzero((before_test > before_validation) & (before_validation > 0))
    tested = np.flatnonzero((lengths > before_test) & (before_test > 0))
    return SequenceSplit(
        before_validation,
        np.stack([asked, before_validation[asked]], axis=1),
        np.stack([tested, before_test[tested]], axis=1),
    )


def describe(split: Split) -> dict[str, Any]:
    """A split as plain JSON."""
    return {"kind": type(split).__name__, **dataclasses.asdict(split)}
