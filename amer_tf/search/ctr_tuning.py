"""What is tried out for each system of task ctr before its training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras

from amer_tf.architecture import Architecture
from amer_tf.search.ctr_references import PLAIN
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.trials import TrialLog, score_of
from amer_tf.search.tuning import KIND, Answer, Question, Tuner

# Systems and the setting by which the log knows them.
FOUND = "amer"
PRIOR = "prior_precision"


class Prior(NamedTuple):
    """The prior that is right for a system.

    Attributes:
        bench: The workbench with it.
        answer: How it was found; None where there was no choice.
    """

    bench: CtrWorkbench
    answer: Answer | None = None

    @property
    def training(self) -> str | None:
        """Name of a training that has trained the system already, if there is one."""
        return self.answer.training if self.answer else None


def choose_prior(
    tuner: Tuner,
    bench: CtrWorkbench,
    system: str,
    build: Callable[[CtrWorkbench], keras.Model],
    *,
    phase: str,
    later_trainings: int = 0,
    keep: bool = True,
) -> Prior:
    """The precision of the embeddings' prior under which a system predicts best.

    It differs between data sets by a factor of ten, and between systems: a few interactions that
    are right want other embeddings than an MLP that looks for them by itself.

    Args:
        tuner: Trains what is tried.
        bench: Rates and sizes; its precision is tried first, if it is one of the settings'.
        system: Name of the system in the trials.
        build: Makes the system.
        phase: Whose time it takes.
        later_trainings: Trainings that share the time of the phase afterwards.
        keep: Whether the checkpoint of a training that is final is kept.
    """
    precisions = sorted(set(bench.settings.prior_precisions))

    def with_precision(precision: float) -> CtrWorkbench:
        return dataclasses.replace(bench, prior_precision=precision)

    if len(precisions) == 1:
        return Prior(with_precision(precisions[0]))
    start = bench.prior_precision
    if start not in precisions:
        start = precisions[(len(precisions) - 1) // 2]
    answer = tuner.answer(
        Question(PRIOR, system, precisions, start, phase),
        lambda precision: (with_precision(precision), lambda: build(with_precision(precision))),
        later_trainings=later_trainings,
        keep=keep,
    )
    return Prior(with_precision(answer.value), answer)


def chosen_prior(bench: CtrWorkbench, trials: TrialLog) -> CtrWorkbench:
    """The workbench with the prior that the result of a search was trained with.

    It is that of what was found, or of the plain DNN where what was found was not asked about.

    Args:
        bench: Rates and sizes.
        trials: The log of the search.
    """
    precisions = sorted(set(bench.settings.prior_precisions))
    known = [trial for trial in trials.of(KIND) if trial["setting"] == PRIOR]
    for system in (FOUND, PLAIN):
        tried = [trial for trial in known if trial["system"] == system]
        if tried:
            return dataclasses.replace(bench, prior_precision=max(tried, key=score_of)["value"])
    return dataclasses.replace(bench, prior_precision=precisions[(len(precisions) - 1) // 2])


def choose_number(
    tuner: Tuner,
    bench: CtrWorkbench,
    system: str,
    architecture: Architecture,
    phase: str,
    loss: float | None = None,
) -> tuple[Architecture, str | None]:
    """The architecture with as many of its first interactions as predict best.

    Tried are all of them, half as many, and so on. An interaction that says little costs more than
    it gives, above all where there are few rows.

    Args:
        tuner: Trains what is tried.
        bench: Rates and sizes.
        system: Name of the system in the trials.
        architecture: With all interactions, the best first.
        phase: Whose time it takes.
        loss: Its validation loss, if that is known already.

    Returns: The architecture, and the name of a training in here that has trained it already, if
        there is one.
    """
    number = len(architecture.interactions)
    numbers = [number]
    while numbers[0] // 2 >= bench.settings.min_interactions:
        numbers.insert(0, numbers[0] // 2)

    def first(number: float) -> Architecture:
        interactions = architecture.interactions[: int(number)]
        return dataclasses.replace(architecture, interactions=interactions)

    if len(numbers) == 1:
        return architecture, None
    known: dict[float, float] = {} if loss is None else {number: loss}
    answer = tuner.answer(
        Question("num_interactions", system, numbers, number, phase, known),
        lambda number: (bench, lambda: bench.build(first(number))),
    )
    return first(answer.value), answer.training
