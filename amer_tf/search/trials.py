"""The log of a run as the phases write and read it: trials are added, never changed."""

from __future__ import annotations

import logging
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import TrainingError

# Kinds of trials with a model that was scored on the whole validation split.
MODEL_KINDS = ("inherited", "fine-tuned", "scratch", "final")
# The same of a model that is over a limit, and so cannot be that of the run: it was scored for what
# a later step may make smaller.
RESCORED = "rescored"
FAILED = "failed"

_log = logging.getLogger(__name__)


class TrialLog:
    """Trials by kind, and the best of them.

    Args:
        run: The run folder.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """The trials of these kinds, in the order of the log."""
        return [trial for trial in self.run.trials() if trial["kind"] in kinds]

    def ranked(self, *kinds: str) -> list[Architecture]:
        """The different architectures of these kinds, the best first; of equals the earlier."""
        trials = sorted(self.of(*kinds), key=score_of, reverse=True)
        found = [Architecture.from_dict(trial["architecture"]) for trial in trials]
        return list({architecture.to_json(): architecture for architecture in found}.values())

    def has(self, kind: str, architecture: Architecture) -> bool:
        """Whether there is such a trial, be it a failed one."""
        known = architecture.to_dict()
        return any(
            trial.get("architecture") == known and kind in (trial["kind"], trial.get("of"))
            for trial in self.run.trials()
        )

    def best(self) -> dict[str, Any]:
        """The trial whose model is that of the run.

        Raises:
            TrainingError: Where no model could be scored.
        """
        trials = self.of(*MODEL_KINDS)
        if not trials:
            reasons = [trial["reason"] for trial in self.of(FAILED)]
            raise TrainingError(f"No model of this run could be scored. {' '.join(reasons[-1:])}")
        return max(trials, key=score_of)

    def add_model(
        self,
        kind: str,
        architecture: Architecture,
        model: keras.Model,
        metrics: dict[str, Any],
        metric: str,
    ) -> None:
        """Adds a scored model; the best so far becomes that of the run.

        Args:
            kind: One of `MODEL_KINDS`, or `RESCORED`: such a model never becomes that of the run.
            architecture: What the model was built of.
            model: The model.
            metrics: Its metrics on the whole validation split.
            metric: Name of the one that ranks.
        """
        trial = {
            "kind": kind,
            "score": metrics[metric],
            "standard_error": metrics["standard_errors"][metric],
            "users": metrics["count"],
            "parameters": int(model.count_params()),
            "metrics": metrics,
            "architecture": architecture.to_dict(),
        }
        is_best = all(score_of(trial) > score_of(other) for other in self.of(*MODEL_KINDS))
        if kind in MODEL_KINDS and is_best:
            self.run.append_best_trial(trial, model.save)
        else:
            self.run.append_trials([trial])

    def add_failure(self, kind: str, error: Exception, **what: Any) -> None:
        """Adds what could not be scored, and why.

        Args:
            kind: What kind of trial it would have been.
            error: Why it is none.
            **what: What it was.
        """
        _log.warning("One %s model failed. %s", kind, error)
        self.run.append_trials([{"kind": FAILED, "of": kind, "reason": str(error), **what}])


def score_of(trial: dict[str, Any]) -> float:
    """What trials are ranked by."""
    return float(trial["score"])
