"""AmerSearch: the order of the steps, the budget, resume."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import amer_tf
from amer_tf.features import FeatureSpec
from amer_tf.search import references
from amer_tf.search.behavior_search import PHASE_SHARES, BehaviorSearch
from amer_tf.search.budget import Budget, parse_duration
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.result import SearchResult
from amer_tf.search.settings import Settings
from amer_tf.search.settings import preset as settings_of
from amer_tf.search.split_checks import check_training_split, check_validation_split
from amer_tf.search.state import ARCHITECTURE_FILE, METRICS_FILE, RunError, RunFolder
from amer_tf.search.workbench import Workbench
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError

STEPS = ("behavior",)
METRIC = "ndcg@5"
_MOST_HEADS = 4

_log = logging.getLogger(__name__)


class AmerSearch:
    """Searches for the network of a recommender, trains it and compares it with references.

    Paper, section 2.3. Killed at any moment, the same call goes on where it was; with budgets in
    epochs and counts it ends with what an undisturbed run ends with.

    Args:
        spec: What the model reads and predicts, fitted.
        run_dir: Folder of the run.
        steps: What to search, of `("behavior",)`.
        preset: `"quick"`, `"standard"` or `"paper"`: see `amer_tf.search.settings`.
        time_limit: Such as `"20m"`, or seconds; None for none. The presets' epochs and counts
            hold beside it: whichever ends first.
        seed: Seed of every random choice.
        settings: Settings in place of the preset's.

    Raises:
        ValueError: Where an argument is wrong.
        RunError: Where the run folder cannot be used, or holds a run of other arguments.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        run_dir: str | os.PathLike[str],
        *,
        steps: Sequence[str] = STEPS,
        preset: str = "standard",
        time_limit: str | float | None = None,
        seed: int = 0,
        settings: Settings | None = None,
    ) -> None:
        if tuple(steps) != STEPS:
            raise ValueError(f"`steps` must be {STEPS} in this version. Received: steps={steps!r}")
        if spec.task != "next_item":
            raise ValueError(
                f"This version searches for task 'next_item'. Received: spec.task={spec.task!r}"
            )
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"`seed` must be an integer of at least 0. Received: seed={seed!r}")
        self.spec = spec
        self.seed = seed
        self.settings = settings if settings is not None else settings_of(preset)
        units = self.settings.embedding_dim * len(spec.with_role("behavior"))
        if units % _MOST_HEADS:
            raise ValueError(
                f"`embedding_dim` times the number of behavior fields must be a multiple of "
                f"{_MOST_HEADS}, for attention of as many heads. "
                f"Received: embedding_dim={self.settings.embedding_dim}, units={units}"
            )
        self.time_limit = None if time_limit is None else parse_duration(time_limit)
        self.run = RunFolder(run_dir)
        self.run.claim(
            {
                "version": amer_tf.__version__,
                "steps": list(steps),
                "seed": seed,
                "time_limit": self.time_limit,
                "settings": self.settings.to_dict(),
                "spec": spec_digest(spec),
            }
        )
        try:
            spec.save(self.run.path)
        except OSError as error:
            raise RunError(
                f"The spec cannot be written: {error}. Free the disk or the folder, then run the "
                f"same command again. Received: run_dir={str(run_dir)!r}"
            ) from error

    def fit(self, train: Any, validation: Any, catalog: Any = None) -> SearchResult:
        """Searches, trains and compares.

        Args:
            train: Training split, as `data_pipelines.load` gives it.
            validation: Validation split.
            catalog: What is known of each item, `(item rows, columns)`; None takes the training
                split's.

        Raises:
            SplitError: Where a split is empty or does not fit the spec.
            RunError: Where the run folder cannot be used, or another search is at work in it.
        """
        if (self.run.path / METRICS_FILE).exists():
            return SearchResult.load(self.run.path)
        check_training_split(self.spec, train)
        check_validation_split(self.spec, validation)
        with self.run.at_work():
            self._work(train, validation, catalog)
        return SearchResult.load(self.run.path)

    def _work(self, train: Any, validation: Any, catalog: Any) -> None:
        bench = Workbench(
            run=self.run,
            spec=self.spec,
            settings=self.settings,
            seed=self.seed,
            metric=METRIC,
            catalog=catalog if catalog is not None else getattr(train, "catalog", None),
        )
        used = max((phase.get("used", 0.0) for phase in self.run.phases().values()), default=0.0)
        budget = Budget(self.time_limit, PHASE_SHARES, used)
        search = BehaviorSearch(bench, budget, train, validation)
        closed = [name for name in self.settings.references if name in references.CLOSED_FORMS]
        trained = [name for name in self.settings.references if name not in closed]
        # EASE takes much memory for a moment: before anything else does.
        self._compare(closed, bench, search)
        architecture = search.search()
        self._compare(trained, bench, search)
        self.run.write_json(ARCHITECTURE_FILE, architecture.to_dict())
        self.run.remove_checkpoints()
        self.run.write_json(
            METRICS_FILE,
            {"validation": search.trials.best()["metrics"], "seconds": budget.used},
        )

    def _compare(self, names: Sequence[str], bench: Workbench, search: BehaviorSearch) -> None:
        """Scores references on the validation split, each once."""
        missing = set(names) - {trial.get("name") for trial in self.run.trials()}
        if not missing:
            return
        with PhaseProgress("Scoring the references", len(names)) as bar:
            for index, name in enumerate(names):
                reason = references.why_left_out(name, self.spec)
                if reason is None and name == "transformer":
                    reason = self._why_too_late(name, search)
                if reason is not None:
                    _log.warning("%s.", reason)
                elif name in missing:
                    try:
                        self._score_reference(name, bench, search)
                    except (TrainingError, EvaluationError) as error:
                        search.trials.add_failure("reference", error, name=name)
                self.run.record_phase("references", **search.clock.now())
                bar.update(index + 1, name)

    def _why_too_late(self, name: str, search: BehaviorSearch) -> str | None:
        search.clock.deadline("references")
        if search.clock.too_late(name, "references"):
            return f"The {name} is left out: the search has used up the time limit"
        return None

    def _score_reference(self, name: str, bench: Workbench, search: BehaviorSearch) -> None:
        parameters = None
        if name == "transformer":
            model = references.train_transformer(
                bench,
                search.train,
                epochs=self.settings.final_epochs or self.settings.scratch_epochs,
                time_limit=search.clock.training_limit("transformer", "references"),
                on_step=lambda: search.clock.keep("references"),
            )
            metrics = bench.score(model, search.validation)
            parameters = int(model.count_params())
            with self.run.staged(references.REFERENCE_FILE.format(name=name)) as file:
                model.save(file)
        else:
            metrics = references.score_closed_form(bench, name, search.train, search.validation)
        self.run.append_trials(
            [
                {
                    "kind": "reference",
                    "name": name,
                    "score": metrics[METRIC],
                    "standard_error": metrics["standard_errors"][METRIC],
                    "users": metrics["count"],
                    "parameters": parameters,
                    "metrics": metrics,
                }
            ]
        )


def spec_digest(spec: FeatureSpec) -> str:
    """A short digest of a spec and its vocabularies' values, wherever their files stand."""
    data = spec.to_dict()
    for entry, vocabulary in zip(data["vocabularies"], spec.vocabularies, strict=True):
        if vocabulary.file is not None:
            content = pathlib.Path(vocabulary.file).read_bytes()
            entry["file"] = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
