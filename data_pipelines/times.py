"""Times of events as numbers."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.coding import Where, is_missing
from data_pipelines.errors import DataError


def parse_times(values: Sequence[Any], where: Where) -> npt.NDArray[np.float64]:
    """Times as numbers: numbers as they are, dates as seconds since 1970 (UTC where none is said).

    Raises:
        DataError: Where a time is missing or neither a number nor an ISO 8601 date.
    """
    try:
        times = np.array(values, np.float64)
    except (TypeError, ValueError):
        times = np.array([_seconds(value) for value in values])
    if not np.isfinite(times).all():
        row = int(np.argmax(~np.isfinite(times)))
        raise DataError(
            f"{where(row)}, must be a number or a date such as "
            f"2024-05-31T12:00:00. Received: {values[row]!r}"
        )
    return times


def _seconds(value: Any) -> float:
    if is_missing(value):
        return math.nan
    try:
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                value = datetime.datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if isinstance(value, datetime.datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=datetime.timezone.utc)
            return value.timestamp()
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
