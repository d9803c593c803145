"""Progress on standard error: a bar a phase, with the time left and the best so far."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class PhaseProgress:
    """A bar for one phase; plain lines where standard error is no terminal.

    Args:
        name: What the phase does.
        total: Its length, in any unit.
    """

    def __init__(self, name: str, total: float) -> None:
        self._console = Console(file=sys.stderr, soft_wrap=True)
        self._name, self._total = name, total
        self._next_line = 0.0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, note="")

    def __enter__(self) -> PhaseProgress:
        self._bar.start()
        if not self._console.is_terminal:
            self._console.print(f"{self._name} ...", highlight=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(f"  {text}", markup=False, highlight=False)

    def update(self, done: float, note: str = "") -> None:
        """Moves the bar to `done` and shows a note such as the best so far."""
        self._bar.update(self._task, completed=done, note=note)
        fraction = done / self._total if self._total else 1.0
        # A log file gets ten lines a phase, not one a step.
        if not self._console.is_terminal and fraction >= self._next_line:
            self._next_line = fraction + 0.1
            self._console.print(
                f"  {self._name}: {min(fraction, 1.0):4.0%} {note}", markup=False, highlight=False
            )
