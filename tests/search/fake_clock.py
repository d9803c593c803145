"""A clock that stands still but for what a test adds."""

from __future__ import annotations

from amer_tf.search import budget
from amer_tf.training import schedule


class FakeClock:
    """Takes the place of the module `time` where the search and its training read it."""

    def __init__(self, monkeypatch) -> None:
        self.now = 1000.0
        for module in (budget, schedule):
            monkeypatch.setattr(module, "time", self)

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
