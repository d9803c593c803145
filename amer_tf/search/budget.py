"""Time: how much of the limit each phase may use, over all resumes of a run."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Mapping

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str | float) -> float:
    """Seconds of a duration such as `"90s"`, `"20m"`, `"1.5h"`, `"1h30m"` or a plain number.

    Raises:
        ValueError: Where it is none of these, or not positive.
    """
    seconds = -1.0
    if isinstance(text, str):
        parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        else:
            with contextlib.suppress(ValueError):
                seconds = float(text)
    elif isinstance(text, (int, float)) and not isinstance(text, bool):
        seconds = float(text)
    if not 0.0 < seconds < float("inf"):
        raise ValueError(
            "A duration must be a positive number of seconds, or like 90s, 20m, 1.5h, 1h30m. "
            f"Received: {text!r}"
        )
    return seconds


def without(shares: Mapping[str, float], absent: Iterable[str]) -> dict[str, float]:
    """The shares of those phases that a run has: time is held back for no other."""
    return {name: share for name, share in shares.items() if name not in set(absent)}


class Budget:
    """Deals the time that is left out to the phases that are left.

    Args:
        limit: Seconds for the whole run, or None for no limit.
        shares: What each phase gets of the limit, in parts of their sum, by name, in the order of
            the phases, and no phase that the run does not have. What a phase leaves over, or takes
            too much, all later ones share in the same proportions.
        used: Seconds that earlier attempts at this run have used.
    """

    def __init__(self, limit: float | None, shares: Mapping[str, float], used: float = 0.0) -> None:
        self.limit = limit
        self.shares = dict(shares)
        self._used_before = used
        self._start = time.monotonic()

    @property
    def used(self) -> float:
        """Seconds used so far, over all attempts."""
        return self._used_before + time.monotonic() - self._start

    @property
    def left(self) -> float | None:
        """Seconds left, at least 0; None without a limit."""
        return None if self.limit is None else max(0.0, self.limit - self.used)

    def share(self, phase: str) -> float | None:
        """Seconds that the phase may use from now on, given what later phases need."""
        if self.left is None:
            return None
        names = list(self.shares)
        own, *later = [self.shares[name] for name in names[names.index(phase) :]]
        return self.left * own / (own + sum(later))
