"""When each phase of a run must end, decided once and kept in the run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from amer_tf.search.budget import Budget
from amer_tf.search.state import RunFolder

_SECONDS_BETWEEN_RECORDS = 10.0
# Of what is recorded apart: nothing of note is done in between.
_LONGEST_GAP = 0.1


class PhaseClock:
    """Deadlines of phases and limits of the trainings in them, the same for all attempts.

    Args:
        run: The run folder.
        budget: The time that is left.
    """

    def __init__(self, run: RunFolder, budget: Budget) -> None:
        self.run = run
        self.budget = budget
        self._kept = budget.used

    def now(self) -> dict[str, float]:
        """What a phase's record says of the time: seconds of the run, over all attempts."""
        return {"used": self.budget.used}

    def finish(self, phase: str, **values: Any) -> None:
        """Records that the phase is done, with what it found out."""
        self.run.record_phase(phase, done=True, **values, **self.now())

    def keep(self, phase: str) -> None:
        """Records the time every few seconds, so that a killed attempt's counts."""
        if self.budget.used - self._kept >= _SECONDS_BETWEEN_RECORDS:
            self._kept = self.budget.used
            self.run.record_phase(phase, **self.now())

    @contextlib.contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Time in the middle of other phases that is recorded under a name of its own.

        The record has `intervals`, beginnings and ends in seconds of the run.
        """
        start = self.budget.used
        yield
        known = self.run.phases().get(name, {}).get("intervals", [])
        if known and start - known[-1][1] < _LONGEST_GAP:
            start = known.pop()[0]
        self.run.record_phase(name, intervals=[*known, [start, self.budget.used]], **self.now())

    def deadline(self, phase: str) -> float | None:
        """When the phase must end, in seconds of the run; None without a time limit.

        It is decided when it is first asked for: at the beginning of the phase.
        """
        share = self.budget.share(phase)
        if share is None:
            return None
        if "deadline" not in self.run.phases().get(phase, {}):
            self.run.record_phase(phase, deadline=self.budget.used + share)
        return float(self.run.phases()[phase]["deadline"])

    def is_over(self, phase: str) -> bool:
        """Whether the phase's deadline has passed."""
        deadline = self.deadline(phase)
        return deadline is not None and self.budget.used >= deadline

    def has_begun(self, name: str) -> bool:
        """Whether a training has been given its limit."""
        return "limit" in self.run.phases().get(name, {})

    def too_late(self, name: str, phase: str) -> bool:
        """Whether the phase is over, and this training in it has not begun."""
        return not self.has_begun(name) and self.is_over(phase)

    def left(self, phase: str) -> float:
        """Seconds until the phase's deadline, at least 0."""
        deadline = self.deadline(phase)
        return float("inf") if deadline is None else max(0.0, deadline - self.budget.used)

    def training_limit(
        self, name: str, phase: str, parts: int = 1, reserve: float = 0.0
    ) -> float | None:
        """Seconds that a training may take over all attempts: its part of what is left.

        Args:
            name: Name of the training.
            phase: The phase that it belongs to.
            parts: How many trainings share what is left.
            reserve: Seconds that each part takes beside the training.
        """
        if self.deadline(phase) is None:
            return None
        if not self.has_begun(name):
            self.run.record_phase(name, limit=max(0.1, self.left(phase) / parts - reserve))
        return float(self.run.phases()[name]["limit"])
