"""A run of one hand-made system alone, in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import amer_tf
from amer_tf.features import FeatureSpec
from amer_tf.search import ctr_references, references
from amer_tf.search.budget import Budget, parse_duration
from amer_tf.search.environment import environment
from amer_tf.search.reference_result import ReferenceResult
from amer_tf.search.search_data import as_splits, fingerprint, spec_digest
from amer_tf.search.searcher import PROGRAMS
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.split_checks import check_splits
from amer_tf.search.state import METRICS_FILE, SPLITS_FILE, RunFolder
from amer_tf.search.system_options import check_options
from amer_tf.search.trials import FAILED
from amer_tf.training.fit import TrainingError


class ReferenceRun:
    """Trains one hand-made system, as a search trains those that it puts beside its result.

    Killed at any moment, the same call goes on where it was.

    Args:
        spec: What the model reads and predicts, fitted.
        run_dir: Folder of the run.
        name: Of the system, one of the settings' references.
        settings: `Settings` or `CtrSettings`; their own references do not count.
        time_limit: As in `AmerSearch`, for this system alone.
        seed: Seed of every random choice.
        options: What this system has beside the settings, of `known_options`.

    Raises:
        ValueError: Where there is no such system, or it cannot read such data.
        RunError: Where the run folder cannot be used, or holds a run of other arguments.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        run_dir: str | os.PathLike[str],
        name: str,
        *,
        settings: BaseSettings,
        time_limit: str | float | None = None,
        seed: int = 0,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        program = PROGRAMS[spec.task]
        own: Any = settings.replace(references=(name,))
        reason = why_left_out(spec, name)
        if reason is not None:
            raise ValueError(f"{name} cannot be trained on these data: {reason}")
        check_options(name, known_options(spec.task, name), options)
        program.check(spec, own, (), options)
        self.spec = spec
        self.name = name
        self.time_limit = None if time_limit is None else parse_duration(time_limit)
        self.run = RunFolder(run_dir)
        self._program = program(self.run, spec, own, seed, (), options=options)
        self.run.claim(
            {
                "version": amer_tf.__version__,
                "seed": seed,
                "time_limit": self.time_limit,
                "settings": own.to_dict(),
                "spec": spec_digest(spec),
                **({"options": dict(options)} if options else {}),
            }
        )
        self.run.save_spec(spec)

    def fit(self, train: Any, validation: Any = None, catalog: Any = None) -> ReferenceResult:
        """Trains the system and scores it on the validation split.

        Args:
            train: As `AmerSearch.fit` takes it.
            validation: Likewise.
            catalog: Likewise.

        Raises:
            SplitError: Where a split is empty or does not fit the spec.
            TrainingError: Where the training failed.
            RunError: Where the run folder cannot be used, holds a run on other data, or another
                run is at work in it.
        """
        train, validation = as_splits(self.spec, train, validation)
        check_splits(self.spec, train, validation)
        self.run.require_same(SPLITS_FILE, fingerprint(self.spec, train, validation), "data")
        if (self.run.path / METRICS_FILE).exists():
            return ReferenceResult.load(self.run.path)
        with self.run.at_work():
            phases = self.run.phases().values()
            used = max((phase.get("used", 0.0) for phase in phases), default=0.0)
            budget = Budget(self.time_limit, {"references": 1.0}, used)
            self._program.work_references(budget, train, validation, catalog)
            trials = self.run.trials()
            # One of several priors may have failed alone.
            if not any(trial["kind"] == "reference" for trial in trials):
                reasons = [trial["reason"] for trial in trials if trial["kind"] == FAILED]
                raise TrainingError(
                    reasons[-1] if reasons else f"The time limit ended before {self.name} began."
                )
            self.run.remove_checkpoints()
            self.run.write_json(
                METRICS_FILE, {"seconds": budget.used, "environment": environment()}
            )
        return ReferenceResult.load(self.run.path)


def why_left_out(spec: FeatureSpec, name: str) -> str | None:
    """Why a system cannot be trained on such data, or None where it can."""
    return _room(spec.task).why_left_out(name, spec)


def known_options(task: str, name: str) -> dict[str, Any]:
    """What can be set for one system alone beside the settings, with the defaults."""
    return _room(task).known_options(name)


def _room(task: str) -> Any:
    return ctr_references if task == "ctr" else references
