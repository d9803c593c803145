"""What a search found: which architecture, which weights, which score, how sure."""

from __future__ import annotations

import functools
import os
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import pandas as pd

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import references
from amer_tf.search.state import (
    ARCHITECTURE_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    MODEL_FILE,
    PHASES_FILE,
    RunError,
    RunFolder,
)
from amer_tf.search.trials import MODEL_KINDS, TrialLog
from amer_tf.training.next_item_evaluation import NextItemEvaluator, evaluate_scores

LEADERBOARD_KINDS = (*MODEL_KINDS, "reference")


class SearchResult:
    """The result of a finished run; everything in it stands in the run folder.

    Args:
        run: The folder of a finished run.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.spec = FeatureSpec.load(run.path)
        self.architecture = Architecture.from_dict(run.read_json(ARCHITECTURE_FILE))
        self.metrics: dict[str, Any] = run.read_json(METRICS_FILE) or {}
        self.config: dict[str, Any] = run.read_json(CONFIG_FILE) or {}

    @classmethod
    def load(cls, run_dir: str | os.PathLike[str]) -> SearchResult:
        """Opens the folder of a finished run.

        Raises:
            RunError: Where there is no run, or it has not finished.
        """
        folder = pathlib.Path(run_dir)
        if not (folder / CONFIG_FILE).is_file():
            raise RunError(f"There is no run in this folder. Received: run_dir={str(folder)!r}")
        if not (folder / METRICS_FILE).is_file():
            raise RunError(
                f"The run has not finished: {METRICS_FILE} is not there. Run the same search "
                f"command again, it goes on where it was. Received: run_dir={str(folder)!r}"
            )
        for name in (MODEL_FILE, ARCHITECTURE_FILE, PHASES_FILE):
            if not (folder / name).is_file():
                raise RunError(
                    f"{name} of the finished run is gone: search again in a new `run_dir`. "
                    f"Received: run_dir={str(folder)!r}"
                )
        return cls(RunFolder(folder, read_only=True))

    @functools.cached_property
    def model(self) -> keras.Model:
        """The best model, an ordinary Keras model."""
        return self._load_model(MODEL_FILE)

    def _load_model(self, name: str) -> keras.Model:
        file = self.run.path / name
        try:
            return keras.models.load_model(file)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{file} cannot be read: {error}. It is damaged: search again in a new `run_dir`."
            ) from error

    @functools.cached_property
    def evaluator(self) -> NextItemEvaluator:
        """Evaluates the best model; it is compiled once for all splits and candidates."""
        return self._evaluator_of(self.model)

    def _evaluator_of(self, model: keras.Model) -> NextItemEvaluator:
        num_items = self.spec.vocabulary(self.spec.item_field).num_rows
        return NextItemEvaluator(NextItemNetwork(model, self.spec), num_items)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config["seed"])

    @property
    def score(self) -> float:
        """The validation metric that the search ranked by."""
        return float(self.best_trial["score"])

    @property
    def standard_error(self) -> float | None:
        """How sure the score is: its standard error over users; None where there is one user."""
        error = self.best_trial["standard_error"]
        return None if error is None else float(error)

    @functools.cached_property
    def best_trial(self) -> dict[str, Any]:
        """The trial whose model was kept."""
        return TrialLog(self.run).best()

    def leaderboard(self) -> pd.DataFrame:
        """All models that were scored on the whole validation split, the best first."""
        rows = [
            {
                "system": trial.get("name", "amer"),
                "training": trial["kind"] if trial["kind"] != "reference" else "",
                **{name: trial["metrics"][name] for name in ("hr@1", "hr@5", "ndcg@5", "mrr")},
                "standard_error": trial["standard_error"],
                "parameters": trial["parameters"],
                "architecture": (
                    str(Architecture.from_dict(trial["architecture"]))
                    if "architecture" in trial
                    else ""
                ),
            }
            for trial in self.run.trials()
            if trial["kind"] in LEADERBOARD_KINDS
        ]
        table = pd.DataFrame(rows).astype({"parameters": "Int64"})
        # Of equal ones the first comes first: it is the one whose model was kept.
        return table.sort_values("ndcg@5", ascending=False, ignore_index=True, kind="stable")

    def evaluate(
        self,
        split: Any,
        *,
        candidates: Any = "uniform",
        num_negatives: int = 100,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """HR@k, NDCG@k and MRR of the best model on a split.

        Args:
            split: Validation or test split.
            candidates: `"uniform"`, `"popular"`, `"full"`, or own lists `(U, C)` of encoded ids.
            num_negatives: Negatives of a user, for the frozen ones.
            seed: Seed of the frozen negatives; None takes the run's.
        """
        return self.evaluator.evaluate(
            split,
            candidates=candidates,
            num_negatives=num_negatives,
            seed=self.seed if seed is None else seed,
        )

    def evaluate_references(
        self,
        train: Any,
        split: Any,
        *,
        candidates: Sequence[Any] = ("uniform",),
        num_negatives: int = 100,
        seed: int | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The same metrics of the run's hand-made systems, on the same rows.

        The closed forms are fitted anew, the networks are those of the run.

        Args:
            train: Training split.
            split: Validation or test split.
            candidates: Any number of what `evaluate` takes.
            num_negatives: As in `evaluate`.
            seed: As in `evaluate`.

        Returns:
            Metrics by name of the system and mode of the candidates.
        """
        options: dict[str, Any] = {
            "num_negatives": num_negatives,
            "seed": self.seed if seed is None else seed,
        }
        found = {}
        for name in self._references():
            rank: Callable[..., dict[str, Any]]
            if name in references.CLOSED_FORMS:
                system = references.fit_closed_form(name, self.spec, train, split)
                rank = functools.partial(
                    evaluate_scores,
                    system.scores,
                    history_field=self.spec.history_field,
                    num_items=self.spec.vocabulary(self.spec.item_field).num_rows,
                )
            else:
                model = self._load_model(references.REFERENCE_FILE.format(name=name))
                rank = self._evaluator_of(model).evaluate
            results = [rank(split=split, candidates=mode, **options) for mode in candidates]
            found[name] = {result["mode"]: result for result in results}
        return found

    def _references(self) -> list[str]:
        """Names of the references that the run has scored."""
        return [trial["name"] for trial in self.run.trials() if trial["kind"] == "reference"]

    def record_evaluation(
        self,
        split: str,
        results: Mapping[str, Any],
        references: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Adds results to the run's `metrics.json`, beside those of other splits and modes.

        Args:
            split: Name of the split.
            results: Metrics by mode of the candidates.
            references: What `evaluate_references` gave for the split.
        """
        own = self.metrics.setdefault("evaluate", {})
        own[split] = {**own.get(split, {}), **results}
        for name, found in (references or {}).items():
            others = self.metrics.setdefault("references", {}).setdefault(name, {})
            others[split] = {**others.get(split, {}), **found}
        self.run.write_json(METRICS_FILE, self.metrics)

    def export(self, folder: str | os.PathLike[str], **options: Any) -> pathlib.Path:
        """Writes a SavedModel that takes the raw columns; see `amer_tf.export.export`."""
        from amer_tf.export import export

        return export(self.model, self.spec, self.architecture, folder, **options)

    def summary(self) -> dict[str, Any]:
        """The result as plain JSON."""
        return {
            "run_dir": str(self.run.path),
            "architecture": self.architecture.to_dict(),
            "training": self.best_trial["kind"],
            "score": self.score,
            "standard_error": self.standard_error,
            "validation": {self.metrics["validation"]["mode"]: self.metrics["validation"]},
            "seconds": self.metrics["seconds"],
        }
