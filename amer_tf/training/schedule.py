"""The learning rate over a phase: linear warm-up, then one cosine down to zero."""

from __future__ import annotations

import math
import time

import keras


class PhaseEnd(keras.callbacks.Callback):
    """Sets the learning rate from the progress of the phase, and ends the phase.

    Progress is the larger of `step / total_steps` and `seconds / time_limit`, so that the decay
    is always complete when the phase ends, whichever limit comes first. The cosine is the single
    schedule of Loshchilov & Hutter (2017), as in the paper, section 3.2.

    Args:
        learning_rate: Positive float, the peak.
        total_steps: Steps of the phase.
        time_limit: Seconds of the phase, or None.
        warmup_steps: Steps of linear warm-up, at most a tenth of `total_steps`.
        first_step: Step to go on from.
        seconds_used: Seconds that the phase has used before.
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
    ) -> None:
        super().__init__()
        self.peak = learning_rate
        self.total_steps = total_steps
        self.time_limit = time_limit
        # A small data set has fewer steps in a whole phase than a large one has in its warm-up.
        self.warmup_steps = min(warmup_steps, total_steps // 10)
        self.step = first_step
        self._start = time.monotonic() - seconds_used

    @property
    def seconds(self) -> float:
        """Seconds that the phase has used, over all attempts."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """How much of the phase is done, 0 to 1."""
        progress = self.step / self.total_steps
        if self.time_limit is not None:
            progress = max(progress, self.seconds / self.time_limit)
        return min(progress, 1.0)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        warmup = min(1.0, (self.step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        decay = 0.5 * (1.0 + math.cos(math.pi * self.progress))
        self.model.optimizer.learning_rate = self.peak * warmup * decay

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.step += 1
        if self.progress >= 1.0:
            self.model.stop_training = True
