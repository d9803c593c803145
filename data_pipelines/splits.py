"""How examples are dealt out to training, validation and test: what a user can choose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import did_you_mean
from data_pipelines.errors import DataError
from data_pipelines.times import TimeReader, moment_number, parse_moment, require_clock_of

NAMES = ("train", "validation", "test")
_DIGIT_BITS = 16
_MOMENTS = ("train_until", "validation_until")

TimeChunks = Callable[[], Iterable[npt.NDArray[np.float64]]]
# Users, as numbers from 0, -1 where there is none, and times of some rows.
UsersAndTimes = tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """A user's last event is the test, the one before it the validation (`"next_item"`).

    Users with fewer than three events only train.
    """


@dataclasses.dataclass(frozen=True)
class ByTime:
    """Two moments cut all data: what is before the first trains, before the second validates.

    Either both moments are given, or the shares of the rows that lie before them. Rows of one
    moment stay together, so that a share may be exceeded by as many.

    Args:
        train_until: First moment that is not training: a number in the unit of the time column, or
            a date such as `"2024-05-31"` or `"2024-05-31T12:00:00"`, UTC without a time zone.
        validation_until: First moment that is test.
        train_share: Least share of the rows before `train_until`, where that is not given.
        validation_share: With `train_share`: least share of the rows before `validation_until`.
    """

    train_until: float | str | None = None
    validation_until: float | str | None = None
    train_share: float = 0.8
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        _require_shares(self, self.train_share, self.validation_share)
        if (self.train_until is None) != (self.validation_until is None):
            raise DataError(
                "A split by time takes both of train_until and validation_until, or none. "
                f"Received: {self}"
            )
        if self.train_until is None or self.validation_until is None:
            return
        for name in _MOMENTS:
            object.__setattr__(self, name, parse_moment(name, getattr(self, name)))
        if not moment_number(self.train_until) < moment_number(self.validation_until):
            raise DataError(f"`train_until` must come before `validation_until`. Received: {self}")

    def moments(self, times: TimeChunks) -> tuple[float, float]:
        """Both moments; from the shares where they are not given.

        Args:
            times: Starts a new stream of the times of all rows.
        """
        if self.train_until is not None and self.validation_until is not None:
            return moment_number(self.train_until), moment_number(self.validation_until)
        return (
            moment_after(times, self.train_share),
            moment_after(times, self.train_share + self.validation_share),
        )

    def require_clock_of(self, times: TimeReader) -> None:
        """Checks that the moments, where they are given, are on the clock of the times."""
        for name in _MOMENTS:
            if getattr(self, name) is not None:
                require_clock_of(name, getattr(self, name), times)


@dataclasses.dataclass(frozen=True)
class Random:
    """Rows are dealt out at random, each label in the same shares (`"ctr"`).

    Args:
        train_share: Share of the rows that train.
        validation_share: Share of the rows that validate; the rest is the test.
        seed: Seed of the draw.
    """

    train_share: float = 0.8
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        _require_shares(self, self.train_share, self.validation_share)


@dataclasses.dataclass(frozen=True)
class ByColumn:
    """A column says of each row whether it is train, validation or test (`"ctr"`).

    Args:
        column: Name of the column.
    """

    column: str = "split"


@dataclasses.dataclass(frozen=True)
class PerUser:
    """Each user's first rows train, the next validate, and the last test (`"ctr"`).

    Rows of one user and one time stay together, in the earlier part. Those that lack the user are
    dealt out as if they were one user's. Where the rows are a random share of a data set, each has
    the part that it would have among all of them.

    Args:
        train_share: Least share of a user's rows that train.
        validation_share: Share of those that validate.
    """

    train_share: float = 0.8
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        _require_shares(self, self.train_share, self.validation_share)

    def moments(self, rows: Iterable[UsersAndTimes]) -> npt.NDArray[np.float64]:
        """The first moment of each user that is not training, and the first that is test.

        Args:
            rows: All rows, a chunk at a time; their users and times are held in memory.

        Returns: `[2, users + 1]`, infinity where there is none; the last ones are those of the rows
        without a user.
        """
        users, times = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        order = np.lexsort((times, users))
        users, times = users[order], times[order]
        is_first = np.r_[True, users[1:] != users[:-1]]
        starts = np.flatnonzero(is_first)
        sizes = np.diff(np.r_[starts, len(users)])
        is_new = is_first | np.r_[True, times[1:] != times[:-1]]
        # For each row the first one of the next user or time.
        later = np.r_[np.flatnonzero(is_new), len(users)][np.cumsum(is_new)]
        cuts = np.array([[self.train_share], [self.train_share + self.validation_share]])
        # A share of 0.56 of 100 rows is 56.00000000000001 in binary.
        needed = np.ceil(np.round(cuts * sizes, 6)).astype(np.int64)
        found = later[starts + needed - 1]
        moments = np.full((2, int(users[-1]) + 2), np.inf)
        moments[:, users[starts]] = np.where(
            found < starts + sizes, times[np.minimum(found, len(times) - 1)], np.inf
        )
        return moments


Split = LeaveOneOut | ByTime | Random | ByColumn | PerUser
KINDS: dict[str, type[Split]] = {
    "leave_one_out": LeaveOneOut,
    "by_time": ByTime,
    "random": Random,
    "by_column": ByColumn,
    "per_user": PerUser,
}
OF_TASK = {
    "next_item": ("leave_one_out", "by_time"),
    "ctr": ("random", "by_time", "by_column", "per_user"),
}


def parse_split(value: Any) -> Split:
    """A split from itself, from the name of its kind, or from a mapping with `kind`."""
    if isinstance(value, (LeaveOneOut, ByTime, Random, ByColumn, PerUser)):
        return value
    arguments = {"kind": value} if isinstance(value, str) else value
    # A list could not be looked up in a dict.
    if not isinstance(arguments, Mapping) or arguments.get("kind") not in tuple(KINDS):
        kinds = [arguments.get("kind")] if isinstance(arguments, Mapping) else []
        raise DataError(
            f"{did_you_mean(kinds, KINDS)}A split's kind must be one of {', '.join(KINDS)}. "
            f"Received: split={value!r}"
        )
    kind = KINDS[arguments["kind"]]
    known = [entry.name for entry in dataclasses.fields(kind)]
    rest: dict[str, Any] = {key: entry for key, entry in arguments.items() if key != "kind"}
    unknown = [key for key in rest if key not in known]
    if unknown:
        raise DataError(
            f"{did_you_mean(unknown, known)}A split of kind {arguments['kind']!r} takes "
            f"{known or 'nothing else'}. "
            f"Received: {unknown}"
        )
    for name, entry in rest.items():
        if name in _MOMENTS:
            continue  # the split itself reads them
        wanted = str if name == "column" else int if name == "seed" else (int, float)
        # Neither NaN nor infinity lies between the bounds.
        if (
            not isinstance(entry, wanted)
            or isinstance(entry, bool)
            or not (isinstance(entry, str) or -(2**63) <= entry < 2**63)
        ):
            raise DataError(
                f"`{name}` of a split must be {'text' if wanted is str else 'a number'}. "
                f"Received: {name}={entry!r}"
            )
    return kind(**rest)


def describe(split: Split) -> dict[str, Any]:
    """A split as plain JSON, which `parse_split` reads."""
    kind = next(name for name, known in KINDS.items() if isinstance(split, known))
    given = {name: value for name, value in dataclasses.asdict(split).items() if value is not None}
    return {"kind": kind, **given}


def require_split_of(task: str, split: Split) -> None:
    """Checks that a split is one for this task."""
    kind = describe(split)["kind"]
    if kind not in OF_TASK[task]:
        raise DataError(
            f"The split of task {task!r} must be one of {', '.join(OF_TASK[task])}. "
            f"Received: split={kind!r}"
        )


def moment_after(times: TimeChunks, share: float) -> float:
    """The smallest time before which at least this share of the rows lies, or infinity.

    Found digit by digit of the times' order, so that no copy of them is held or sorted.
    """
    # A share of 0.56 of 100 rows is 56.00000000000001 in binary.
    wanted = max(1, math.ceil(round(share * sum(len(chunk) for chunk in times()), 6)))
    found, before = 0, 0  # the digits so far of the last time that is needed, and the rows below
    for shift in range(64 - _DIGIT_BITS, -1, -_DIGIT_BITS):
        counts = np.zeros(1 << _DIGIT_BITS, np.int64)
        for chunk in times():
            digits = _ordered(chunk) >> np.uint64(shift)
            own = digits[digits >> np.uint64(_DIGIT_BITS) == found]
            counts += np.bincount(own & np.uint64(len(counts) - 1), minlength=len(counts))
        digit = int(np.searchsorted(before + counts.cumsum(), wanted))
        before += int(counts[:digit].sum())
        found = found << _DIGIT_BITS | digit
    later = (chunk[_ordered(chunk) > found] for chunk in times())
    return min((float(chunk.min()) for chunk in later if len(chunk)), default=np.inf)


def _ordered(times: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """Whole numbers in the order of the times."""
    # The sign bit of a negative number is set, and its other bits are in reverse order; -0 is 0.
    bits = (np.asarray(times, np.float64) + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    return np.where(bits & sign, ~bits, bits | sign)


def _require_shares(split: Split, train_share: float, validation_share: float) -> None:
    if min(train_share, validation_share) <= 0 or train_share + validation_share >= 1:
        raise DataError(
            "`train_share` and `validation_share` must be positive and leave a share for the "
            f"test. Received: {split}"
        )
