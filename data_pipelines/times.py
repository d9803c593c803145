"""Times of events as numbers."""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.arrow_values import DateSeconds
from data_pipelines.coding import Where, is_missing
from data_pipelines.errors import DataError

NUMBER, DATE = "a number", "a date"

_log = logging.getLogger(__name__)

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Times since 1970 are as large, whatever their unit from days on; so are dates like 20240531.
_LARGE = 1e7
# Of two columns of the same days, so much larger in another unit, and more.
_OTHER_UNIT = 30.0


class TimeReader:
    """Reads a column of times, chunk by chunk.

    Attributes:
        kind: `NUMBER` or `DATE`, which all times of the column are; None before the first.
        low: The earliest time so far.
        high: The latest one.
        example: The first time, as it stands in its file, and where that is.
    """

    def __init__(self) -> None:
        self.kind: str | None = None
        self.low, self.high = math.inf, -math.inf
        self.example = ""

    def __call__(self, values: Sequence[Any], where: Where) -> npt.NDArray[np.float64]:
        """Times as numbers: numbers as they are, dates as seconds since 1970.

        Dates without a time zone are UTC.

        Raises:
            DataError: Where a time is missing or neither a number nor an ISO 8601 date, or where
                it is a number and others are dates.
        """
        if not len(values):
            return np.zeros(0)
        dates: npt.NDArray[np.bool_] | None = None
        try:
            times = np.array(values, np.float64)
            kind = DATE if isinstance(values, DateSeconds) else NUMBER
        except (TypeError, ValueError):
            read = [_read(value) for value in values]
            times = np.array([seconds for seconds, _ in read])
            dates = np.array([is_date for _, is_date in read], bool)
            kind = DATE if dates[0] else NUMBER
        if not np.isfinite(times).all():
            row = int(np.argmax(~np.isfinite(times)))
            raise DataError(
                f"{where(row)}, must be a number or a date such as "
                f"2024-05-31T12:00:00. Received: {values[row]!r}"
            )
        if self.kind is None:
            self.kind, self.example = kind, f"{_text(values[0], kind, values)} in {where(0)}"
        others = kind != self.kind if dates is None else dates != (self.kind == DATE)
        if np.any(others):
            row = int(np.argmax(others))
            other = NUMBER if self.kind == DATE else DATE
            raise DataError(
                f"{where(row)}, must be {self.kind}, as is {self.example}: a column of times "
                f"holds numbers or dates, not both. "
                f"Received: {_text(values[row], other, values)}, {other}"
            )
        self.low = min(self.low, float(times.min()))
        self.high = max(self.high, float(times.max()))
        return times

    def __str__(self) -> str:
        low, high = (_shown(time, self.kind) for time in (self.low, self.high))
        return f"{low} to {high} (such as {self.example})"


def parse_times(values: Sequence[Any], where: Where) -> npt.NDArray[np.float64]:
    """The times of a whole column, or of one that is read elsewhere too; see `TimeReader`."""
    return TimeReader()(values, where)


def parse_moment(name: str, value: Any) -> float | str:
    """A moment that is given beside the data: a number as it is, a date as text, in UTC.

    Args:
        name: What the moment is, for the message.
        value: A number or a date, or either as text, read as the times of a column are.

    Raises:
        DataError: Where it is neither.
    """
    seconds, is_date = _read(value)
    if isinstance(value, bool) or not math.isfinite(seconds):
        raise DataError(
            f"`{name}` must be a number or a date such as 2024-05-31T12:00:00. "
            f"Received: {name}={value!r}"
        )
    if is_date:
        return _shown(seconds, DATE)
    return seconds if isinstance(value, str) else value


def moment_number(moment: float | str) -> float:
    """A moment from `parse_moment` as a number: a date as seconds since 1970."""
    return _read(moment)[0]


def require_clock_of(name: str, moment: float | str, times: TimeReader) -> None:
    """Checks that a moment from `parse_moment` can be compared with times.

    Raises:
        DataError: Where the one is a date, the others are numbers, or the other way round, and it
            does not lie among them.
    """
    kind = DATE if isinstance(moment, str) else NUMBER
    number = moment_number(moment)
    if times.kind in (kind, None) or times.low <= number <= times.high:
        return
    asked = f"{moment}, which is {number:.17g} beside numbers" if kind == DATE else f"{number:.17g}"
    raise DataError(
        f"`{name}` must be on the clock of the times: {times.kind}, as they are; beside numbers, "
        "dates count as seconds since 1970. "
        f"Received: {name}={asked}, and times from {times}"
    )


def require_one_clock(examples: TimeReader, log: TimeReader) -> None:
    """Checks that the times of examples and those of their histories can be compared.

    A log may end before the examples begin, or begin when they have ended. Then it must not look
    as if the two counted in different units, or from different moments.

    Raises:
        DataError: Where no time of the one lies among those of the other, and either one are dates
            and the other numbers, or both are numbers, the larger ones such as count from 1970,
            and their sizes are those of different units.
    """
    gap = max(log.low - examples.high, examples.low - log.high)
    if gap <= (examples.high - examples.low) + (log.high - log.low):
        return
    sizes = sorted(max(abs(times.low), abs(times.high)) for times in (examples, log))
    if examples.kind == log.kind and (
        examples.kind == DATE or sizes[1] < _LARGE or sizes[1] < _OTHER_UNIT * sizes[0]
    ):
        return
    raise DataError(
        "The times of the examples and those of the behaviors must be on one clock, or histories "
        "are empty or hold what came later: write both as dates, or both as numbers of one unit "
        "that count from one moment; beside numbers, dates count as seconds since 1970. "
        f"Received: examples from {examples}, behaviors from {log}"
    )


def warn_of_clocks(examples: TimeReader, log: TimeReader, has_history: bool) -> None:
    """Says on the log where times that can be compared may still be wrong.

    Args:
        examples: What has read the times of the examples.
        log: What has read those of the behaviors.
        has_history: Whether any training example has one.
    """
    if not has_history:
        _log.warning(
            "No training example has a history: no event of the behaviors is of its user and "
            "earlier. Check the columns of times and users. Examples from %s, behaviors from %s.",
            examples,
            log,
        )
    elif log.high < examples.low:
        _log.warning(
            "Every event of the behaviors lies before every example. That is right where the "
            "examples are of later days; else check the columns of times. "
            "Examples from %s, behaviors from %s.",
            examples,
            log,
        )


def _read(value: Any) -> tuple[float, bool]:
    """A time as a number, not finite where it is none, and whether it stands there as a date."""
    if is_missing(value):
        return math.nan, False
    try:
        if isinstance(value, str):
            try:
                return float(value), False
            except ValueError:
                value = datetime.datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if isinstance(value, datetime.datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=datetime.timezone.utc)
            return value.timestamp(), True
        return float(value), False
    except (TypeError, ValueError, OverflowError):
        return math.nan, False


def _text(value: Any, kind: str, values: Sequence[Any]) -> str:
    """A time as it stands in its file."""
    return _shown(value, kind) if isinstance(values, DateSeconds) else repr(value)


def _shown(time: float, kind: str | None) -> str:
    if kind == DATE:
        return (_EPOCH + datetime.timedelta(seconds=time)).replace(tzinfo=None).isoformat()
    return f"{time:.17g}"
