"""The audit of a search: trains architectures alone, from new weights, and writes their scores."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from amer_tf.search.audit_plan import Entry
from amer_tf.search.budget import Budget
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import FAILED, TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError

PHASE = KIND = "audit"
# Added to the seed of the run: the weights of the result are the luckiest of several draws with
# that one, which nothing that it is compared with should have to match.
SEED_OFFSET = 1_000_003
# A training's share of a time limit, over that of all final trainings of the search together.
_SHARE_EACH = 0.5
# A training that used less of its limit than this ended by itself.
_CUT_SHORT = 0.95

_log = logging.getLogger(__name__)


class OutOfTimeError(Exception):
    """The deadline of the audit, in the midst of a training."""


class AuditClock(PhaseClock):
    """Ends the training that is at work when the time of the audit is over.

    Its checkpoint stays, so that the same audit goes on with it when it is asked for again, with
    its share of the time limit anew.

    Args:
        run: The run folder.
        budget: The time that is left.
    """

    def __init__(self, run: RunFolder, budget: Budget) -> None:
        super().__init__(run, budget)
        before = run.phases().get(PHASE, {})
        share = budget.share(PHASE)
        if share is not None and (before.get("missing") or before.get("done")):
            run.record_phase(PHASE, done=False, missing=0, deadline=budget.used + share)
        self._end = self.deadline(PHASE)

    @property
    def has_ended(self) -> bool:
        """Whether the deadline has passed."""
        return self._end is not None and self.budget.used >= self._end

    def keep(self, phase: str) -> None:
        """Records the time, as of any training.

        Raises:
            OutOfTimeError: Where the deadline has passed.
        """
        super().keep(phase)
        if self.has_ended:
            raise OutOfTimeError


def share_of(num_trainings: int, shares: Mapping[str, float]) -> float:
    """The audit's share of a time limit, on the scale of the shares of a search.

    Args:
        num_trainings: How many architectures it trains.
        shares: By phase of the search.
    """
    return num_trainings * _SHARE_EACH * shares["scratch"]


def final_epochs(phases: Mapping[str, Mapping[str, Any]], most: int) -> int:
    """Most epochs of each training: as many as the final trainings of the search had.

    All have the same, whatever they take: seconds would depend on what else the machine does.

    Args:
        phases: The record of the search.
        most: What the settings say, where a time limit did not cut all of those trainings short.
    """
    trained = [
        phase
        for name, phase in phases.items()
        if name.startswith("scratch_") and {"epoch", "seconds"} <= set(phase)
    ]
    if not all(map(is_cut_short, trained)) or not trained:
        return most
    return min(most, max(int(phase["epoch"]) for phase in trained))


def is_cut_short(training: Mapping[str, Any]) -> bool:
    """Whether a training ended because its time was over.

    Args:
        training: Its record.
    """
    return "limit" in training and training["seconds"] >= _CUT_SHORT * training["limit"]


def is_audited(phases: Mapping[str, Any], number: int) -> bool:
    """Whether a run has such an audit, or a larger one."""
    record = phases.get(PHASE, {})
    return bool(record.get("done")) and int(record["architectures"]) >= number


def audit(
    clock: AuditClock,
    trials: TrialLog,
    entries: Sequence[Entry],
    number: int,
    train: Callable[[Entry, str], keras.Model],
    score: Callable[[keras.Model], dict[str, Any]],
    metric: str,
    measured_by: str,
) -> None:
    """Trains and scores what has not been so far, until the time is over; keeps no model of it.

    Args:
        clock: The deadline.
        trials: The log.
        entries: What to train, see `make_plan`; an architecture that stands there twice is trained
            once.
        number: What was asked for.
        train: Trains the model of an entry, under a title.
        score: Metrics of a model on the whole validation split.
        metric: Name of the one that ranks models.
        measured_by: Name of the one that inherited scores are of.
    """
    run = trials.run
    for index, entry in enumerate(entries):
        if _is_known(trials, entry):
            continue
        twin = _trained(trials, entry.architecture.to_dict())
        if twin is None and clock.has_ended:
            _cut_short(clock, trials, entries, number)
            return
        if twin is None:
            try:
                model = train(entry, f"Audit, {index + 1} of {len(entries)}")
                metrics = score(model)
            except OutOfTimeError:
                _cut_short(clock, trials, entries, number)
                return
            except (TrainingError, EvaluationError, MetricError) as error:
                architecture = entry.architecture.to_dict()
                trials.add_failure(KIND, error, step=entry.step, architecture=architecture)
            else:
                twin = {
                    "score": metrics[metric],
                    "standard_error": metrics["standard_errors"][metric],
                    "parameters": int(model.count_params()),
                    "epochs": run.phases().get(entry.name, {}).get("epoch"),
                    "metrics": metrics,
                }
                del model
        if twin is not None:
            what = {
                "kind": KIND,
                "step": entry.step,
                "inherited": entry.inherited,
                "rank": entry.rank,
                "num_scored": entry.num_scored,
                "measured_by": measured_by,
                "architecture": entry.architecture.to_dict(),
            }
            run.append_trials([{**twin, **what}])
        run.remove_checkpoint(entry.name)
        run.record_phase(PHASE, **clock.now())
        gc.collect()
    clock.finish(PHASE, architectures=number, missing=0)


def _cut_short(clock: AuditClock, trials: TrialLog, entries: Sequence[Entry], number: int) -> None:
    """Records that the time was over before all were trained."""
    missing = sum(not _is_known(trials, entry) for entry in entries)
    _log.warning(
        "The time limit ended the audit with %d of %d architectures trained. The same command "
        "goes on with the others, for as long again.",
        *(len(entries) - missing, len(entries)),
    )
    trials.run.record_phase(PHASE, architectures=number, missing=missing, **clock.now())


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
