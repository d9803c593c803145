"""One training phase: Keras `fit` over an endless stream, resumable at every epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from amer_tf.training.schedule import PhaseEnd


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says what to change."""


class TrainSplit(Protocol):
    """What training needs of a training split."""

    num_examples: int

    def batches(
        self, batch_size: int, *, seed: int = 0, first_step: int = 0, **options: Any
    ) -> Any:
        """Endless `tf.data.Dataset` of batches; `first_step` resumes it exactly."""


class Phase(NamedTuple):
    """How a phase trains.

    Attributes:
        epochs: Passes over the training examples.
        batch_size: Examples of a step.
        learning_rate: Peak of the schedule.
        time_limit: Seconds, or None: the phase ends at whichever comes first.
        warmup_steps: Steps of linear warm-up, at most a tenth of the phase.
        seed: Seed of the order of the examples.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    time_limit: float | None = None
    warmup_steps: int = 100
    seed: int = 0


class Progress(NamedTuple):
    """Where a phase stands at the end of an epoch.

    Attributes:
        epoch: Epochs that have been trained.
        step: Steps that have been trained.
        seconds: Seconds used, over all attempts.
        fraction: How much of the phase is done, by steps or by time; 1 where it has ended.
        loss: Mean loss of the epoch.
    """

    epoch: int
    step: int
    seconds: float
    fraction: float
    loss: float


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Steps of an epoch. The stream is endless, so examples left over open the next epoch."""
    return max(1, math.ceil(num_examples / batch_size))


def fit(
    trainer: keras.Model,
    split: TrainSplit,
    phase: Phase,
    *,
    on_epoch: Callable[[Progress], bool] | None = None,
    on_step: Callable[[], None] | None = None,
    resume: Progress | None = None,
    options: Mapping[str, Any] | None = None,
) -> Progress:
    """Trains until the epochs, the time limit or `on_epoch` ends the phase.

    Args:
        trainer: Compiled Keras model.
        split: The training split.
        phase: How to train.
        on_epoch: Called after each epoch; a true answer ends the phase.
        on_step: Called after each step.
        resume: Where the phase stood when its state, now restored, was saved.
        options: Further arguments of `split.batches`.

    Returns:
        Where the phase stands at its end.

    Raises:
        TrainingError: Where the loss is not finite.
    """
    steps = steps_per_epoch(split.num_examples, phase.batch_size)
    first_epoch, first_step, seconds = (
        (resume.epoch, resume.step, resume.seconds) if resume else (0, 0, 0.0)
    )
    if resume is not None and (resume.epoch >= phase.epochs or resume.fraction >= 1.0):
        return resume
    if resume is not None and phase.time_limit is not None and seconds >= phase.time_limit:
        return resume._replace(fraction=1.0)
    end = PhaseEnd(
        phase.learning_rate,
        steps * phase.epochs,
        time_limit=phase.time_limit,
        warmup_steps=phase.warmup_steps,
        first_step=first_step,
        seconds_used=seconds,
        first_progress=resume.fraction if resume else 0.0,
    )
    watch = _Watch(end, on_epoch, on_step, resume)
    trainer.stop_training = False
    trainer.fit(
        split.batches(phase.batch_size, seed=phase.seed, first_step=first_step, **(options or {})),
        epochs=phase.epochs,
        initial_epoch=first_epoch,
        steps_per_epoch=steps,
        callbacks=[end, watch],
        shuffle=False,  # the stream comes shuffled
        verbose=0,
    )
    assert watch.progress is not None
    return watch.progress


class _Watch(keras.callbacks.Callback):
    def __init__(
        self,
        end: PhaseEnd,
        on_epoch: Callable[[Progress], bool] | None,
        on_step: Callable[[], None] | None,
        progress: Progress | None,
    ) -> None:
        super().__init__()
        self._end = end
        self._on_epoch = on_epoch
        self._on_step = on_step
        self.progress = progress

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._on_step is not None:
            self._on_step()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {}).get("loss", np.nan))
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} after step {self._end.step} (epoch {epoch + 1}). Lower the "
                "learning rate, or look for broken values in the data."
            )
        self.progress = Progress(
            epoch=epoch + 1,
            step=self._end.step,
            seconds=self._end.seconds,
            fraction=self._end.progress,
            loss=loss,
        )
        if self._on_epoch is not None and self._on_epoch(self.progress):
            self.model.stop_training = True
        # What is done at the end of an epoch takes time too: no step is begun after the limit.
        if self._end.is_over:
            self.progress = self.progress._replace(fraction=1.0)
            self.model.stop_training = True
