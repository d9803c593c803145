"""What an audit has found, read off the log of a run: plain numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amer_tf.architecture import Architecture
from amer_tf.search.audit import KIND, is_cut_short
from amer_tf.search.audit_plan import FOUND, is_by_design
from amer_tf.search.rank_correlation import LEAST_PAIRS, RankCorrelation, rank_correlation
from amer_tf.search.samplers import RANDOM
from amer_tf.search.trials import FAILED
from amer_tf.search.tuning import KIND as TUNING

LOSSES = ("log_loss",)
# The hand-made system that stands beside the found one, by task.
REFERENCES = {"ctr": "dnn", "next_item": "transformer"}
STEPS = ("behavior", "interaction", "mlp")


@dataclasses.dataclass(frozen=True)
class Score:
    """A score and how sure it is.

    Args:
        value: The score.
        error: Its standard error over rows or users; None where that is not known.
    """

    value: float
    error: float | None


@dataclasses.dataclass(frozen=True)
class RandomScore:
    """What a random architecture scores under the final recipe.

    Args:
        mean: Over architectures.
        deviation: Spread from one architecture to the next.
        error: Standard error of the mean: other architectures and other rows would give another.
        count: How many were trained.
        is_drawn: Whether they were drawn for this alone; else they are those that are spread
            evenly over the ranks of a step, each standing for the ranks around it.
    """

    mean: float
    deviation: float
    error: float | None
    count: int
    is_drawn: bool


@dataclasses.dataclass(frozen=True)
class StepAudit:
    """How well the inherited scores of a step rank what is trained alone.

    Args:
        step: Name of the step.
        measured_by: Name of the metric; of a loss the scores are negative.
        inherited: Inherited scores; of interactions their gains.
        alone: Scores of the same architectures trained alone, from new weights.
        errors: Standard errors of these.
        num_scored: How many the step has scored.
        correlation: Of the two.
    """

    step: str
    measured_by: str
    inherited: tuple[float, ...]
    alone: tuple[float, ...]
    errors: tuple[float | None, ...]
    num_scored: int
    correlation: RankCorrelation


@dataclasses.dataclass(frozen=True)
class Start:
    """One architecture trained on from inherited weights, and from new ones (appendix F).

    Args:
        inherited: Score from inherited weights.
        scratch: Score from new weights.
        kind: Of the first: `"fine-tuned"`, or `"inherited"` where nothing was trained on.
    """

    inherited: Score
    scratch: Score
    kind: str


@dataclasses.dataclass(frozen=True)
class Audit:
    """Whether a search gained anything.

    Args:
        metric: Name of the metric that ranks systems.
        steps: The steps whose scores were checked.
        found: The found architecture, trained as the random ones were; None where that failed.
        random: Random architectures; None where none could be trained.
        result: The model of the run, the best of several trainings.
        reference: The hand-made system of `reference_name`; None where it is not among the
            references of the run.
        reference_name: Name of that system; in a comparison maybe with the label of a variant.
        reference_cut_at: Epochs after which a time limit ended its training, where audited ones had
            more; None otherwise.
        starts: Architectures of the search that were trained from both weights.
        epochs: Most epochs of a training.
        num_failed: Trainings that diverged.
        num_missing: Architectures that a time limit left untrained.
        reference_failure: Why the reference has no score though it was asked for; None otherwise.
        reference_tried: Values that the run tried for a setting of the reference: of the DNN for
            the precision of its prior.
        reference_trials: Trials of a comparison from which all settings of the reference were
            chosen; 0 in a run.
    """

    metric: str
    steps: tuple[StepAudit, ...]
    found: Score | None
    random: RandomScore | None
    result: Score
    reference: Score | None
    reference_name: str
    reference_cut_at: int | None
    starts: tuple[Start, ...]
    epochs: int
    num_failed: int
    num_missing: int
    reference_failure: str | None = None
    reference_tried: int = 0
    reference_trials: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Audit:
        """The audit of what `to_dict` gave; what else stands there is left alone."""
        names = (field.name for field in dataclasses.fields(cls))
        known = {name: data[name] for name in names if name in data}
        return cls(
            **{
                **known,
                "steps": tuple(map(_step_of, data["steps"])),
                "starts": tuple(
                    Start(Score(**each["inherited"]), Score(**each["scratch"]), each["kind"])
                    for each in data["starts"]
                ),
                "random": None if data["random"] is None else RandomScore(**data["random"]),
                **{
                    name: None if data[name] is None else Score(**data[name])
                    for name in ("found", "result", "reference")
                },
            }
        )


def _step_of(data: Mapping[str, Any]) -> StepAudit:
    lists = {name: tuple(data[name]) for name in ("inherited", "alone", "errors")}
    return StepAudit(**{**data, **lists, "correlation": RankCorrelation(**data["correlation"])})


def read_audit(
    trials: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    *,
    metric: str,
    task: str,
    steps: Sequence[str],
    seed: int,
    phases: Mapping[str, Mapping[str, Any]],
    references: Sequence[str] = (),
) -> Audit | None:
    """What the log says; None where no audit stands in it.

    Args:
        trials: The log.
        best: The trial of the model of the run.
        metric: Name of the metric that ranks systems.
        task: Of the spec.
        steps: What was searched.
        seed: Of the bootstrap.
        phases: The record of the phases.
        references: Names of the hand-made systems that were asked for.
    """
    audited = [trial for trial in trials if trial["kind"] == KIND]
    if not audited:
        return None
    by_step = {step: _of_step(audited, step) for step in (*STEPS, RANDOM, FOUND)}
    found, name = by_step[FOUND], REFERENCES[task]
    reference = [
        trial for trial in trials if trial["kind"] == "reference" and trial["name"] == name
    ]
    epochs = max(int(trial["epochs"] or 0) for trial in audited)
    return Audit(
        metric=metric,
        steps=tuple(
            _step(step, by_step[step], seed) for step in STEPS if len(by_step[step]) >= LEAST_PAIRS
        ),
        found=score_of(found[0]["metrics"], metric) if found else None,
        random=_random(by_step, steps, metric),
        result=score_of(best["metrics"], metric),
        reference=score_of(reference[0]["metrics"], metric) if reference else None,
        reference_name=name,
        reference_cut_at=cut_at(phases, name, epochs),
        reference_failure=None if reference else _reference_failure(trials, name, references),
        reference_tried=num_tried(trials, name),
        starts=_starts(trials, metric),
        epochs=epochs,
        num_failed=sum(trial["kind"] == FAILED and trial["of"] == KIND for trial in trials),
        num_missing=int(phases.get(KIND, {}).get("missing", 0)),
    )


def _reference_failure(
    trials: Sequence[Mapping[str, Any]], name: str, references: Sequence[str]
) -> str | None:
    """Why a reference has no score; None where it was not asked for."""
    for trial in trials:
        if trial["kind"] == FAILED and (trial["of"], trial.get("name")) == ("reference", name):
            return f"its training failed: {trial['reason']}"
    return "the time limit ended before its training began" if name in references else None


def num_tried(trials: Sequence[Mapping[str, Any]], system: str) -> int:
    """How many values of a setting a run tried for a system.

    Args:
        trials: The log.
        system: Name of the system.
    """
    tuned = [trial for trial in trials if trial["kind"] == TUNING and trial["system"] == system]
    return len({trial["value"] for trial in tuned})


def cut_at(
    phases: Mapping[str, Mapping[str, Any]], reference: str, epochs: int | None = None
) -> int | None:
    """Epochs of a reference whose training a time limit ended before it had so many; else None.

    Args:
        phases: The record of the run that trained it.
        reference: Its name; of `lightgbm` the number is that of trees, however many they are.
        epochs: What others had; None for any number.
    """
    training = phases.get(reference) or phases.get(f"reference_{reference}") or {}
    if "seconds" not in training or not is_cut_short(training):
        return None
    if "trees" in training:
        return int(training["trees"])
    number = training.get("epoch")
    return None if number is None or (epochs and number >= epochs) else int(number)


def _of_step(audited: Sequence[Mapping[str, Any]], step: str) -> list[Mapping[str, Any]]:
    """The trials of a step, the best inherited score first."""
    own = [trial for trial in audited if trial["step"] == step]
    return sorted(own, key=lambda trial: trial["rank"] or 0)


def score_of(metrics: Mapping[str, Any], metric: str) -> Score:
    """One of the metrics that a trial records."""
    error = metrics.get("standard_errors", {}).get(metric)
    return Score(float(metrics[metric]), None if error is None else float(error))


def _step(step: str, trials: Sequence[Mapping[str, Any]], seed: int) -> StepAudit:
    name = trials[0]["measured_by"]
    sign = -1.0 if name in LOSSES else 1.0
    scores = [score_of(trial["metrics"], name) for trial in trials]
    inherited = tuple(float(trial["inherited"]) for trial in trials)
    alone = tuple(sign * score.value for score in scores)
    return StepAudit(
        step=step,
        measured_by=name,
        inherited=inherited,
        alone=alone,
        errors=tuple(score.error for score in scores),
        num_scored=int(trials[0]["num_scored"]),
        correlation=rank_correlation(inherited, alone, seed=seed),
    )


def _random(
    by_step: Mapping[str, Sequence[Mapping[str, Any]]], steps: Sequence[str], metric: str
) -> RandomScore | None:
    """Mean and spread of random architectures."""
    by_design = is_by_design(steps)
    trials = by_step[steps[0] if by_design else RANDOM]
    if len(trials) < 2:
        return None
    weights = np.full(len(trials), 1.0 / len(trials))
    if by_design:
        weights = rank_weights([trial["rank"] for trial in trials])
    scores = [score_of(trial["metrics"], metric) for trial in trials]
    values = np.array([score.value for score in scores])
    mean = float(weights @ values)
    squares = float(weights @ weights)
    deviation = math.sqrt(float(weights @ (values - mean) ** 2) / (1.0 - squares))
    errors = [score.error for score in scores if score.error is not None]
    over_rows = float(np.mean(errors)) if errors else None
    # All were scored on the same rows, so that their mean is no surer over rows than each of them.
    error = None if over_rows is None else math.hypot(over_rows, deviation * math.sqrt(squares))
    return RandomScore(mean, deviation, error, len(trials), not by_design)


def rank_weights(ranks: Sequence[int]) -> Any:
    """How much of all ranks each of some stands for: half of what lies to either side of it.

    Args:
        ranks: Ascending, two or more.
    """
    places = np.asarray(ranks, np.float64)
    gaps = np.diff(places)
    return (np.append(gaps, 0.0) + np.insert(gaps, 0, 0.0)) / (2.0 * (places[-1] - places[0]))


def _starts(trials: Sequence[Mapping[str, Any]], metric: str) -> tuple[Start, ...]:
    """The architectures that were trained from inherited and from new weights."""
    by_kind: dict[str, dict[str, Mapping[str, Any]]] = {}
    for trial in trials:
        if trial["kind"] in ("inherited", "fine-tuned", "scratch"):
            text = Architecture.from_dict(trial["architecture"]).to_json()
            by_kind.setdefault(trial["kind"], {})[text] = trial
    kind = "fine-tuned" if "fine-tuned" in by_kind else "inherited"
    inherited, scratch = by_kind.get(kind, {}), by_kind.get("scratch", {})
    return tuple(
        Start(score_of(trial["metrics"], metric), score_of(scratch[text]["metrics"], metric), kind)
        for text, trial in inherited.items()
        if text in scratch
    )
