"""What a search found: which architecture, which weights, which score, how sure.

What is different for each task stands in `next_item_result.py` and `ctr_result.py`.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import pandas as pd

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.search.audit_findings import Audit, read_audit
from amer_tf.search.latencies import KIND as MEASURED
from amer_tf.search.run_result import RunResult, open_finished, require_search
from amer_tf.search.state import ARCHITECTURE_FILE, MODEL_FILE, PHASES_FILE, RunFolder
from amer_tf.search.trials import MODEL_KINDS, TrialLog, score_of

LEADERBOARD_KINDS = (*MODEL_KINDS, "reference")


class SearchResult(RunResult):
    """The result of a finished run; everything in it stands in the run folder.

    Args:
        run: The folder of a finished run.
    """

    # Which metrics the leaderboard shows.
    METRICS: ClassVar[tuple[str, ...]] = ()
    # Which of them ranks the systems on the validation split.
    RANKED_BY: ClassVar[str] = ""

    def __init__(self, run: RunFolder) -> None:
        super().__init__(run)
        self.architecture = Architecture.from_dict(run.read_json(ARCHITECTURE_FILE))

    @classmethod
    def load(cls, run_dir: str | os.PathLike[str]) -> SearchResult:
        """Opens the folder of a finished run.

        Raises:
            RunError: Where there is no search, or it has not finished.
        """
        require_search(RunFolder(run_dir, read_only=True))
        files = (MODEL_FILE, ARCHITECTURE_FILE, PHASES_FILE)
        run = open_finished(run_dir, files, command="search command")
        return _class_of(FeatureSpec.load(run.path).task)(run)

    @functools.cached_property
    def model(self) -> keras.Model:
        """The best model, an ordinary Keras model."""
        return self.load_model(MODEL_FILE)

    @property
    def score(self) -> float:
        """The validation metric that the search ranked by."""
        return float(self.best_trial["score"])

    @property
    def standard_error(self) -> float | None:
        """How sure the score is: its standard error over users or rows; None where there is one."""
        error = self.best_trial["standard_error"]
        return None if error is None else float(error)

    @functools.cached_property
    def best_trial(self) -> dict[str, Any]:
        """The trial whose model was kept."""
        return TrialLog(self.run).best()

    def leaderboard(self, *, architectures: bool = False) -> pd.DataFrame:
        """All models that were scored on the whole validation split, the best first.

        The first row of `amer` is the result; others are what else was tried out for it.

        Args:
            architectures: Adds which architecture each row of `amer` has: `variant`, in what it
                differs from the result, and `architecture`, the whole of it, a long text.

        Returns:
            A row for each model:

            - `system`: `amer`, or the name of a hand-made system.
            - `training`: how a model of `amer` came to its weights: `inherited`, those of the
              supernet; `fine-tuned`, trained on from them; `scratch`, trained from new ones, or
              `final`, longer.
            - The metric that ranks, its `standard_error`, and the other metrics.
            - `parameters`: embeddings included; of LightGBM the number of its trees, and none of a
              closed form.
            - Where latency was limited `ms_1` and `ms_256`: milliseconds of a call of so many rows.
              Those of the run's model and of the hand-made networks were measured at its end.
        """
        latencies = self._latencies()
        trials = [trial for trial in self.run.trials() if trial["kind"] in LEADERBOARD_KINDS]
        rows = [
            {
                "system": trial.get("name", "amer"),
                "training": trial["kind"] if trial["kind"] != "reference" else "",
                **self._measures(trial),
                "parameters": trial["parameters"],
                **({} if not latencies else _latency_of(trial, latencies)),
                **(self._architecture_of(trial) if architectures else {}),
            }
            for trial in sorted(trials, key=score_of, reverse=True)
        ]
        # Of equal ones the first comes first: it is the one whose model was kept.
        return pd.DataFrame(rows).astype({"parameters": "Int64"})

    def _measures(self, trial: Mapping[str, Any]) -> dict[str, float | None]:
        """The metrics of a trial: first the one that ranks, and its error."""
        metrics = {name: trial["metrics"][name] for name in self.METRICS}
        ranked = {self.RANKED_BY: metrics.pop(self.RANKED_BY)}
        return {**ranked, "standard_error": trial["standard_error"], **metrics}

    def _architecture_of(self, trial: Mapping[str, Any]) -> dict[str, str]:
        """The architecture of a trial as text; nothing of a hand-made system."""
        from amer_tf.report.words import variant

        if "architecture" not in trial:
            return {"variant": "", "architecture": ""}
        own = Architecture.from_dict(trial["architecture"])
        return {"variant": variant(own, self.architecture), "architecture": str(own)}

    def _latencies(self) -> dict[str, dict[str, float]]:
        """Milliseconds by rows, by what was measured: the last measurement of each."""
        return {
            _key(trial): trial["latency_ms"]
            for trial in self.run.trials()
            if trial["kind"] == MEASURED and trial["latency_ms"]
        }

    @property
    def training(self) -> str:
        """Which weights it has: `training` of `leaderboard`, such as `"scratch"`."""
        return str(self.best_trial["kind"])

    @property
    def seconds(self) -> float:
        """What the search took, over all attempts, its references among it; no audit counts."""
        return float(self.metrics["seconds"])

    @property
    def audit_seconds(self) -> float | None:
        """What the audit took, over all attempts; None of a run without one."""
        seconds = self.metrics.get("audit_seconds")
        return None if seconds is None else float(seconds)

    def audit(self) -> Audit | None:
        """Whether the search gained anything; None of a run without an audit.

        See the argument `audit` of `AmerSearch`.
        """
        return read_audit(
            self.run.trials(),
            self.best_trial,
            metric=self.RANKED_BY,
            task=self.spec.task,
            steps=self.config["steps"],
            seed=self.seed,
            phases=self.run.phases(),
            references=self.config["settings"]["references"],
        )

    def references(self) -> list[str]:
        """Names of the references that the run has scored."""
        return [trial["name"] for trial in self.run.trials() if trial["kind"] == "reference"]

    def export(self, folder: str | os.PathLike[str], **options: Any) -> pathlib.Path:
        """Writes a SavedModel that takes the raw columns; see `amer_tf.export.export`."""
        from amer_tf.export import export

        return export(self.model, self.spec, self.architecture, folder, **options)

    def report(self, *others: SearchResult, data: Mapping[str, Any] | None = None) -> pathlib.Path:
        """Writes `report.html` into the run folder; see `amer_tf.report.write_report`.

        Args:
            *others: Runs of the same data with other seeds or steps, to show the spread.
            data: What is known of the data; None takes what `amer search` recorded.
        """
        from amer_tf.report import write_report

        return write_report([self, *others], data)

    def summary(self) -> dict[str, Any]:
        """The result as plain JSON."""
        from amer_tf.report.audit_verdict import audit_verdict

        audit = self.audit()
        return {
            "run_dir": str(self.run.path),
            "architecture": self.architecture.to_dict(),
            "training": self.training,
            "score": self.score,
            "standard_error": self.standard_error,
            "validation": self.metrics["validation"],
            "seconds": self.seconds,
            "audit_seconds": self.audit_seconds,
            "audit": audit and {"verdict": audit_verdict(audit), **audit.to_dict()},
        }


def _latency_of(
    trial: dict[str, Any], latencies: dict[str, dict[str, float]]
) -> dict[str, float | None]:
    known = latencies.get(_key(trial), {})
    return {f"ms_{rows}": known.get(str(rows)) for rows in (1, 256)}


def _key(trial: Mapping[str, Any]) -> str:
    """An architecture as JSON, or the name of a hand-made system."""
    return json.dumps(trial["architecture"]) if "architecture" in trial else str(trial["name"])


def _class_of(task: str) -> type[SearchResult]:
    if task == "ctr":
        from amer_tf.search.ctr_result import CtrResult

        return CtrResult
    from amer_tf.search.next_item_result import NextItemResult

    return NextItemResult
