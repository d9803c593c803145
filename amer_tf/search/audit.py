"""The audit of a search: trains architectures alone, from new weights, and writes their scores."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from amer_tf.search.audit_plan import Entry
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.trials import FAILED, TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError

PHASE = KIND = "audit"
# Of a time limit, over what all other phases have together: half of it.
SHARE = 1.0
# Added to the seed of the run: the weights of the result are the luckiest of several draws with
# that one, which nothing that it is compared with should have to match.
SEED_OFFSET = 1_000_003

# Trains an entry, with so many seconds, under a title.
Train = Callable[[Entry, float | None, str], keras.Model]


def is_audited(phases: Mapping[str, Any], number: int) -> bool:
    """Whether a run has such an audit, or a larger one."""
    record = phases.get(PHASE, {})
    return bool(record.get("done")) and int(record["architectures"]) >= number


def audit(
    clock: PhaseClock,
    trials: TrialLog,
    entries: Sequence[Entry],
    number: int,
    train: Train,
    score: Callable[[keras.Model], dict[str, Any]],
    metric: str,
    measured_by: str,
) -> None:
    """Trains and scores what has not been so far; no model of it is kept.

    All trainings have the same time: half-trained ones could not be compared otherwise.

    Args:
        clock: The deadline.
        trials: The log.
        entries: What to train, see `make_plan`; an architecture that stands there twice is trained
            once.
        number: What was asked for.
        train: Trains the model of an entry.
        score: Metrics of a model on the whole validation split.
        metric: Name of the one that ranks models.
        measured_by: Name of the one that inherited scores are of.
    """
    run = trials.run
    missing = {each.architecture for each in entries if not trials.has(KIND, each.architecture)}
    limit = _seconds_each(clock, len(missing))
    for index, entry in enumerate(entries):
        if _is_known(trials, entry):
            continue
        what = {
            "step": entry.step,
            "inherited": entry.inherited,
            "rank": entry.rank,
            "num_scored": entry.num_scored,
            "measured_by": measured_by,
        }
        architecture = entry.architecture.to_dict()
        twin = _trained(trials, architecture)
        if twin is None:
            try:
                model = train(entry, limit, f"Audit, {index + 1} of {len(entries)}")
                metrics = score(model)
            except (TrainingError, EvaluationError, MetricError) as error:
                trials.add_failure(KIND, error, step=entry.step, architecture=architecture)
            else:
                twin = {
                    "score": metrics[metric],
                    "standard_error": metrics["standard_errors"][metric],
                    "parameters": int(model.count_params()),
                    "epochs": run.phases().get(entry.name, {}).get("epoch"),
                    "seconds": limit,
                    "metrics": metrics,
                }
                del model
        if twin is not None:
            run.append_trials([{**twin, "kind": KIND, **what, "architecture": architecture}])
        run.remove_checkpoint(entry.name)
        run.record_phase(PHASE, **clock.now())
        gc.collect()
    clock.finish(PHASE, architectures=number)


def _trained(trials: TrialLog, architecture: dict[str, Any]) -> dict[str, Any] | None:
    """The trial of an architecture, in whatever part of the audit it was trained."""
    known = [trial for trial in trials.of(KIND) if trial["architecture"] == architecture]
    return known[0] if known else None


def _is_known(trials: TrialLog, entry: Entry) -> bool:
    """Whether the log has an entry, be it as a failed one."""
    return any(
        KIND in (trial["kind"], trial.get("of"))
        and trial["step"] == entry.step
        and trial["architecture"] == entry.architecture.to_dict()
        for trial in trials.of(KIND, FAILED)
        if "step" in trial
    )


def _seconds_each(clock: PhaseClock, num_trainings: int) -> float | None:
    """Seconds of each training; decided once, so that a larger audit can be set beside it."""
    if clock.deadline(PHASE) is None:
        return None
    if not clock.has_begun(PHASE):
        each = clock.left(PHASE) / max(1, num_trainings)
        each -= seconds_beside_training(clock.run.phases())
        clock.run.record_phase(PHASE, limit=max(0.1, each))
    return float(clock.run.phases()[PHASE]["limit"])


def seconds_beside_training(phases: Mapping[str, Mapping[str, Any]]) -> float:
    """What a training takes beside its own seconds: building, compiling, scoring.

    It is what the final trainings of the search took on average.

    Args:
        phases: The record of the search.
    """
    trainings = {
        name: phase["seconds"]
        for name, phase in phases.items()
        if name.startswith("scratch_") and "seconds" in phase
    }
    end = phases.get("scratch", {}).get("used")
    if end is None or not trainings:
        return 0.0
    before = [
        phase["used"]
        for name, phase in phases.items()
        if phase.get("used", end) < end and name not in trainings
    ]
    whole = end - max(before, default=end)
    return float(max(0.0, whole - sum(trainings.values())) / len(trainings))
