"""The learning rate over a phase: linear warm-up, then one cosine down to zero."""

from __future__ import annotations

import math
import time

import keras


class PhaseEnd(keras.callbacks.Callback):
    """Sets the learning rate from the progress of the phase, and ends the phase.

    Progress is the larger of what the steps and what the time say, so that the decay is complete
    when a limit ends the phase, whichever comes first. By time it goes evenly from where it was
    at the end of the first step, which compiles and may take as long as hundreds of others, to 1
    at the limit. The cosine is the single schedule of Loshchilov & Hutter (2017), as in the paper,
    section 3.2.

    Args:
        learning_rate: Positive float, the peak.
        total_steps: Steps of the phase.
        time_limit: Seconds of the phase, or None.
        warmup_steps: Steps of linear warm-up, at most a tenth of `total_steps`.
        first_step: Step to go on from.
        seconds_used: Seconds that the phase has used before.
        first_progress: How much of the phase was done then.
    """

    def __init__(
        self,
        learning_rate: float,
        total_steps: int,
        *,
        time_limit: float | None = None,
        warmup_steps: int = 100,
        first_step: int = 0,
        seconds_used: float = 0.0,
        first_progress: float = 0.0,
    ) -> None:
        super().__init__()
        self.peak = learning_rate
        self.total_steps = total_steps
        self.time_limit = time_limit
        # A small data set has fewer steps in a whole phase than a large one has in its warm-up.
        self.warmup_steps = min(warmup_steps, total_steps // 10)
        self.step = first_step
        self._start = time.monotonic() - seconds_used
        self._first_progress = first_progress
        self._compiled_at: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds that the phase has used, over all attempts."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """How much of the phase is done, 0 to 1."""
        return min(1.0, max(self.step / self.total_steps, self._progress_by_time()))

    @property
    def is_over(self) -> bool:
        """Whether the steps have been made, or the time is used up."""
        return self.progress >= 1.0

    def _progress_by_time(self) -> float:
        if self.time_limit is None:
            return 0.0
        if self._compiled_at is None:
            return self._first_progress
        left = self.time_limit - self._compiled_at
        if left <= 0.0:
            return 1.0
        passed = (self.seconds - self._compiled_at) / left
        return self._first_progress + (1.0 - self._first_progress) * passed

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        warmup = min(1.0, (self.step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        decay = 0.5 * (1.0 + math.cos(math.pi * self.progress))
        self.model.optimizer.learning_rate = self.peak * warmup * decay

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.step += 1
        if self._compiled_at is None:
            self._compiled_at = self.seconds
        if self.is_over:
            self.model.stop_training = True
