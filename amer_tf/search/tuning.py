"""Tries out a setting of one system: trains it under one value after another."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras

from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import train_final
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.trials import FAILED, TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.fit import TrainingError

KIND = "tuning"

# The workbench and the model of a value.
Made = tuple[CtrWorkbench, Callable[[], keras.Model]]


@dataclasses.dataclass(frozen=True)
class Question:
    """Which value of a setting is right for a system.

    Args:
        setting: Name of the setting.
        system: Name of the system.
        values: What it may be, ascending.
        start: The value to try first.
        phase: The phase whose time it takes.
        known: Losses that need no trial.
    """

    setting: str
    system: str
    values: Sequence[float]
    start: float
    phase: str
    known: Mapping[float, float] = dataclasses.field(default_factory=dict)

    def training(self, value: float) -> str:
        """Name of a training and of its checkpoint."""
        return f"{self.setting}_{self.system}_{value:g}"


class Answer(NamedTuple):
    """The value under which a system predicts best.

    Attributes:
        value: The value.
        loss: Its validation loss.
        training: Name of the training under it, where that went over all rows without a limit of
            time: its checkpoint holds the trained system. None otherwise.
    """

    value: float
    loss: float
    training: str | None = None


class Tuner:
    """Trains systems on a part of the rows, from a start to where the loss is lowest.

    Goes one step at a time along the values, and on where it was killed.

    Args:
        clock: Deadlines.
        trials: Where the losses are written and read.
        train: Training split.
        validation: Validation split.
    """

    def __init__(self, clock: PhaseClock, trials: TrialLog, train: Any, validation: Any) -> None:
        self.clock = clock
        self.trials = trials
        self.train = train
        self.validation = validation

    def answer(
        self,
        question: Question,
        make: Callable[[float], Made],
        *,
        later_trainings: int = 0,
        keep: bool = True,
    ) -> Answer:
        """The value with the lowest loss.

        Args:
            question: What is asked.
            make: The workbench and the model of a value.
            later_trainings: Trainings that share the time of the phase afterwards.
            keep: Whether the checkpoint of the best training is kept where it is final.

        Raises:
            TrainingError: Where the system cannot be trained under any value.
        """
        settings = make(question.start)[0].settings
        rows = min(settings.tuning_rows, self.train.num_examples)
        is_limited = self.clock.deadline(question.phase) is not None
        is_final = keep and rows == self.train.num_examples and not is_limited
        part = None
        while True:
            value = next_value(question.values, self._losses(question), question.start)
            if value is None:
                break
            name = question.training(value)
            if self.clock.too_late(name, question.phase) and self._known(question):
                break
            bench, build = make(value)
            part = part or self.train.limit(rows, seed=bench.seed)
            left = len(question.values) - len(self._losses(question)) + later_trainings
            limit = self.clock.training_limit(name, question.phase, left)
            bench = dataclasses.replace(bench, num_examples=rows)
            self._try(question, value, bench, build, part, limit)
            self._tidy(question, is_final)
        self._tidy(question, is_final)
        known = self._known(question)
        if not known:
            raise TrainingError(
                f"The system {question.system} could not be trained under any "
                f"{question.setting}. {self.trials.of(FAILED)[-1]['reason']} "
                f"Received: {question.values}"
            )
        best = _lowest(known)
        is_own = best not in question.known
        return Answer(best, known[best], question.training(best) if is_final and is_own else None)

    def _losses(self, question: Question) -> dict[float, float]:
        """The loss under each value that was tried, infinite where training failed."""
        failed = [trial for trial in self.trials.of(FAILED) if trial["of"] == KIND]
        return dict.fromkeys(_values(question, failed), float("inf")) | self._known(question)

    def _known(self, question: Question) -> dict[float, float]:
        found = _values(question, self.trials.of(KIND))
        return {
            **question.known,
            **{value: -float(trial["score"]) for value, trial in found.items()},
        }

    def _tidy(self, question: Question, keep_best: bool) -> None:
        """Removes the checkpoints of trainings that nothing will go on from."""
        known = self._known(question)
        best = _lowest(known) if keep_best and known else None
        for value in self._losses(question):
            if value != best:
                self.trials.run.remove_checkpoint(question.training(value))

    def _try(
        self,
        question: Question,
        value: float,
        bench: CtrWorkbench,
        build: Callable[[], keras.Model],
        part: Any,
        time_limit: float | None,
    ) -> None:
        """Trains and scores a system under one value."""
        what = {"system": question.system, "setting": question.setting, "value": value}
        try:
            model = train_final(
                bench,
                self.clock,
                question.training(value),
                build,
                part,
                self.validation,
                learning_rate=bench.settings.learning_rate,
                time_limit=time_limit,
                title=f"Trying {question.setting}={value:g} for {question.system}",
            )
            metrics = bench.score(model, self.validation)
        except (TrainingError, MetricError) as error:
            self.trials.add_failure(KIND, error, **what)
        else:
            self.trials.run.append_trials(
                [
                    {
                        "kind": KIND,
                        **what,
                        "score": -metrics["log_loss"],
                        "standard_error": metrics["standard_errors"]["log_loss"],
                        "rows": metrics["count"],
                        "training_rows": part.num_examples,
                        "metrics": metrics,
                    }
                ]
            )
        gc.collect()


def next_value(
    values: Sequence[float], losses: Mapping[float, float], start: float
) -> float | None:
    """The one to try next: the start, then the neighbours of the best so far; None at the end.

    Args:
        values: All of them, ascending.
        losses: What is known.
        start: The first.
    """
    if start not in losses:
        return start
    place = values.index(_lowest(losses))
    for neighbour in (place + 1, place - 1):
        if 0 <= neighbour < len(values) and values[neighbour] not in losses:
            return values[neighbour]
    return None


def _values(
    question: Question, trials: Sequence[Mapping[str, Any]]
) -> dict[float, Mapping[str, Any]]:
    """Those of some trials that are about the question, by value."""
    return {
        float(trial["value"]): trial
        for trial in trials
        if (trial["system"], trial["setting"]) == (question.system, question.setting)
    }


def _lowest(losses: Mapping[float, float]) -> float:
    return min(losses, key=lambda value: losses[value])
