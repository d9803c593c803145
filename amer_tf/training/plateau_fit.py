"""Final training: until the validation loss no longer falls, with cuts of the learning rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from amer_tf.training.fit import TrainingError, TrainSplit, steps_per_epoch
from amer_tf.training.plateau import PlateauState, plateau_state
from amer_tf.training.variable_blocks import assign, copies_of, copy_to, swap
from amer_tf.training.weight_average import update_average

CUT = 0.1
# Share of the time that is left for what follows a cut.
_TIME_AFTER_CUT = 0.25


class PlateauPhase(NamedTuple):
    """How a final training goes.

    Attributes:
        epochs: Most passes over the training rows.
        batch_size: Rows of a step.
        learning_rate: The rate before any cut.
        patience: Epochs without a lower loss before a cut.
        chance: Validation loss of the best constant prediction: until the loss is below it, more
            epochs are waited for (`plateau_state`). None for no difference.
        max_cuts: Cuts, after which the next such wait ends the training.
        averaging: What the past counts in the running average of the weights, at the ends of the
            epochs since the last cut, that is scored and given; 0 for the weights as they are.
        time_limit: Seconds over all attempts, or None.
        seed: Seed of the order of the rows.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int = 2
    max_cuts: int = 1
    averaging: float = 0.0
    time_limit: float | None = None
    seed: int = 0
    chance: float | None = None


class KeptWeights(NamedTuple):
    """Weights of a network beside those that it trains with; they change with every epoch.

    Attributes:
        best: Those with the lowest validation loss.
        average: The running average, None at the start and after a cut.
    """

    best: list[Any]
    average: list[Any] | None = None


class PlateauProgress(NamedTuple):
    """Where a final training stands at the end of an epoch.

    Attributes:
        losses: Validation loss of every epoch so far.
        seconds: Seconds used, over all attempts.
        train_loss: Mean training loss of the last epoch.
        is_over: Whether it has ended.
        forced_cuts: Epochs after which the learning rate was cut for want of time.
    """

    losses: tuple[float, ...]
    seconds: float
    train_loss: float
    is_over: bool
    forced_cuts: tuple[int, ...] = ()


def fit_until_plateau(
    trainer: keras.Model,
    split: TrainSplit,
    phase: PlateauPhase,
    validation_loss: Callable[[], float],
    *,
    on_epoch: Callable[[PlateauProgress, KeptWeights], None] | None = None,
    on_step: Callable[[], None] | None = None,
    resume: PlateauProgress | None = None,
    kept: KeptWeights | None = None,
) -> PlateauProgress:
    """Trains until the validation loss has stopped falling; leaves the best weights in place.

    Under a time limit the cuts come early enough for each to bear fruit: the first after three
    quarters of the time, or before the last epoch that still fits, if that is earlier.

    Args:
        trainer: Compiled Keras model with the `network` that is trained.
        split: Training split.
        phase: How to train.
        validation_loss: Scores the network as it is.
        on_epoch: Called after each epoch with where it stands and the weights that are kept, before
            the next one changes anything: the place for a checkpoint.
        on_step: Called after each step.
        resume: Where the training stood when its state, now restored, was saved.
        kept: The weights that were kept, with `resume`.

    Raises:
        TrainingError: Where a loss is not finite.
    """
    network = trainer.network
    steps = steps_per_epoch(split.num_examples, phase.batch_size)
    progress = resume or PlateauProgress((), 0.0, float("nan"), phase.epochs < 1)
    start = time.monotonic() - progress.seconds
    kept = kept or KeptWeights(copies_of(network.weights))

    def state_of(losses: tuple[float, ...], forced_cuts: tuple[int, ...]) -> PlateauState:
        return plateau_state(
            losses,
            patience=phase.patience,
            max_cuts=phase.max_cuts,
            forced_cuts=forced_cuts,
            chance=phase.chance,
        )

    while not progress.is_over:
        state = state_of(progress.losses, progress.forced_cuts)
        trainer.optimizer.learning_rate = phase.learning_rate * CUT**state.num_cuts
        epoch = len(progress.losses)
        limit = _TimeLimit(start, phase.time_limit, on_step)
        history = trainer.fit(
            split.batches(phase.batch_size, seed=phase.seed, first_step=epoch * steps),
            epochs=1,
            steps_per_epoch=steps,
            callbacks=[limit],
            shuffle=False,  # the stream comes shuffled
            verbose=0,
        )
        train_loss = float(history.history["loss"][-1])
        average = kept.average
        if phase.averaging:
            if average is None:
                average = copies_of(network.weights)
            else:
                update_average(average, network.weights, phase.averaging)
            # No third copy of a large table: what trains waits where the average stood.
            swap(network.weights, average)
        loss = validation_loss() if np.isfinite(train_loss) else float("nan")
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} after epoch {epoch + 1}, {train_loss} in training. Lower the "
                "learning rate, or look for broken values in the data."
            )
        losses, forced_cuts = (*progress.losses, loss), progress.forced_cuts
        seconds = time.monotonic() - start
        state = state_of(losses, forced_cuts)
        if _cut_is_due(phase, state.num_cuts, seconds, seconds - progress.seconds):
            forced_cuts = (*forced_cuts, len(losses))
            state = state_of(losses, forced_cuts)
        if state.best_epoch == len(losses):
            copy_to(kept.best, network.weights)
        if state.restores:
            assign(network.weights, kept.best)
            average = None
        elif average is not None:
            swap(network.weights, average)
        kept = KeptWeights(kept.best, average)
        progress = PlateauProgress(
            losses,
            seconds,
            train_loss,
            state.is_over or len(losses) >= phase.epochs or limit.is_over,
            forced_cuts,
        )
        if on_epoch is not None:
            on_epoch(progress, kept)
    assign(network.weights, kept.best)
    return progress


def _cut_is_due(phase: PlateauPhase, num_cuts: int, seconds: float, epoch_seconds: float) -> bool:
    """Whether the time that is left is needed at a lower rate."""
    if phase.time_limit is None or num_cuts >= phase.max_cuts:
        return False
    left = phase.time_limit - seconds
    return left <= phase.time_limit * _TIME_AFTER_CUT ** (num_cuts + 1) or left < 2 * epoch_seconds


class _TimeLimit(keras.callbacks.Callback):
    def __init__(
        self, start: float, limit: float | None, on_step: Callable[[], None] | None
    ) -> None:
        super().__init__()
        self._start = start
        self._limit = limit
        self._on_step = on_step

    @property
    def is_over(self) -> bool:
        return self._limit is not None and time.monotonic() - self._start >= self._limit

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._on_step is not None:
            self._on_step()
        if self.is_over:
            self.model.stop_training = True
