"""What a report reads of a finished run, checked when it is opened."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from amer_tf.architecture import Architecture
from amer_tf.report.words import FOUND
from amer_tf.search import ctr_behavior_search, mlp_search
from amer_tf.search.audit import KIND as AUDITED
from amer_tf.search.group_trials import sampled_kinds
from amer_tf.search.latencies import KIND as MEASURED
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.state import METRICS_FILE, PHASES_FILE, TRIALS_FILE
from amer_tf.search.trials import MODEL_KINDS, RESCORED, score_of

DATA_FILE = "data.json"
REFERENCE = "reference"
CHOSEN_INTERACTION = "chosen interaction"
TUNING = "tuning"
# Kinds of the trials of sampled architectures by the step that they are of.
SAMPLED = {
    "behavior": (*sampled_kinds(), *sampled_kinds(ctr_behavior_search.KINDS)),
    "mlp": (mlp_search.RANDOM,),
}

_MODEL = ("score", "standard_error", "parameters", "metrics")
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*MODEL_KINDS, RESCORED), (*_MODEL, "architecture")),
    **{kind: ("score", "architecture") for kinds in SAMPLED.values() for kind in kinds},
    REFERENCE: (*_MODEL, "name"),
    CHOSEN_INTERACTION: ("interaction", "gain", "standard_error"),
    TUNING: ("system", "setting", "value", "score"),
    MEASURED: ("latency_ms",),
    AUDITED: (*_MODEL, *("architecture", "step", "inherited", "rank", "measured_by", "epochs")),
}
_NUMBERS = ("score", "gain", "value")


class RunRecord:
    """The files of one run.

    Args:
        result: The finished run.
        data: What is known of its data, as in `data.json` of a run folder; None takes that file.

    Raises:
        RunError: Where a file is damaged.
    """

    def __init__(self, result: SearchResult, data: Mapping[str, Any] | None = None) -> None:
        self.result = result
        self.spec = result.spec
        self.architecture = result.architecture
        self.config = result.config
        self.metrics = result.metrics
        self.data: Mapping[str, Any] = data or result.run.read_json(DATA_FILE) or {}
        self.trials = result.run.trials()
        self.phases: dict[str, dict[str, Any]] = result.run.phases()
        self._check()

    def _check(self) -> None:
        folder = self.result.run.path
        for number, trial in enumerate(self.trials, 1):
            fault = _fault(trial, self.result.METRICS)
            if fault:
                raise RunError(
                    f"{folder / TRIALS_FILE} has a damaged line {number}: {fault}. Search again in "
                    "a new `run_dir`."
                )
        for name, phase in self.phases.items():
            if not isinstance(phase, dict):
                raise RunError(
                    f"{folder / PHASES_FILE} is damaged: search again in a new `run_dir`. "
                    f"Received: {name}={phase!r}"
                )
        if not isinstance(self.metrics.get("validation"), dict) or not isinstance(
            self.metrics.get("seconds"), (int, float)
        ):
            raise RunError(
                f"{folder / METRICS_FILE} is damaged: it lacks validation metrics or seconds. "
                "Search again in a new `run_dir`."
            )
        for key in ("seed", "settings", "spec"):
            if key not in self.config:
                raise RunError(
                    f"The configuration of the run in {folder} is damaged: it lacks {key!r}. "
                    "Search again in a new `run_dir`."
                )

    @property
    def task(self) -> str:
        """The task of the run."""
        return str(self.spec.task)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.result.seed

    @property
    def ranked_by(self) -> str:
        """The validation metric that ranks the systems."""
        return self.result.RANKED_BY

    @property
    def steps(self) -> tuple[str, ...]:
        """What was searched."""
        return tuple(self.config.get("steps", ()))

    @property
    def sampler(self) -> str:
        """How architectures were sampled: `"random"` or `"evolution"`."""
        return str(self.config["settings"].get("sampler", "random"))

    @property
    def variant(self) -> tuple[tuple[str, ...], str]:
        """What tells the runs of one report apart beside their seeds."""
        return self.steps, self.sampler

    def latency_of(self, trial: Mapping[str, Any]) -> dict[str, float]:
        """Milliseconds of a call of the exported model by rows; empty where not measured."""
        key = "architecture" if "architecture" in trial else "name"
        # The last: the model of the run is measured at its end, beside the hand-made systems.
        for measured in reversed(self.of(MEASURED)):
            if measured.get(key) == trial[key] and measured["latency_ms"]:
                return dict(measured["latency_ms"])
        return {}

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """The trials of these kinds, in the order of the log."""
        return [trial for trial in self.trials if trial["kind"] in kinds]

    @functools.cached_property
    def models(self) -> list[dict[str, Any]]:
        """The models of found architectures, the best first; of equals the earlier."""
        return sorted(self.of(*MODEL_KINDS), key=score_of, reverse=True)

    @property
    def best(self) -> dict[str, Any]:
        """The model of the run."""
        return self.result.best_trial

    @functools.cached_property
    def references(self) -> dict[str, dict[str, Any]]:
        """The hand-made systems by name, the best first."""
        trials = sorted(self.of(REFERENCE), key=score_of, reverse=True)
        return {trial["name"]: trial for trial in trials}

    @property
    def systems(self) -> dict[str, dict[str, Any]]:
        """The model of the run and the hand-made systems, by name, the best first."""
        systems = {FOUND: self.best, **self.references}
        return dict(sorted(systems.items(), key=lambda item: score_of(item[1]), reverse=True))

    def evaluations(self) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
        """Metrics by split and candidate mode (empty for rows), then by system."""
        recorded = {
            FOUND: self.metrics.get("evaluate", {}),
            **self.metrics.get("references", {}),
        }
        found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        for name, by_split in recorded.items():
            for split, results in by_split.items():
                by_mode = results if self.task == "next_item" else {"": results}
                for mode, metrics in by_mode.items():
                    found.setdefault((split, mode), {})[name] = metrics
        return found


def architecture_of(trial: Mapping[str, Any]) -> Architecture:
    """The architecture of a trial."""
    return Architecture.from_dict(trial["architecture"])


def _fault(trial: Any, metrics: tuple[str, ...]) -> str | None:
    """What is wrong with a trial, or None."""
    if not isinstance(trial, dict) or not isinstance(trial.get("kind"), str):
        return "it is no trial"
    for key in _KEYS.get(trial["kind"], ()):
        if key not in trial:
            return f"a trial of kind {trial['kind']!r} without {key!r}"
        if key in _NUMBERS and not isinstance(trial[key], (int, float)):
            return f"{key}={trial[key]!r}, which is no number"
        if key == "metrics" and not set(metrics) <= set(trial[key]):
            return f"metrics without one of {', '.join(metrics)}"
    return None
