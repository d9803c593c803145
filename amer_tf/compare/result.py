"""What a comparison has measured, as tables."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from amer_tf.compare import significance, systems, tuning
from amer_tf.compare.folder import RESULTS_FILE, ComparisonFolder
from amer_tf.compare.job import TEST_FILE, failed
from amer_tf.compare.significance import Difference
from amer_tf.features import FeatureSpec
from amer_tf.report import words
from amer_tf.search.array_files import StoredArrays
from amer_tf.search.run_error import RunError
from amer_tf.search.run_result import is_comparison
from amer_tf.search.state import CONFIG_FILE

# The first one ranks the systems.
METRICS = {"ctr": ("auc", "log_loss"), "next_item": ("ndcg@5", "hr@1", "hr@5", "mrr")}


class Measured(NamedTuple):
    """One system over its seeds.

    Attributes:
        name: Of the system.
        is_searched: Whether it is a variant of AMER.
        records: What was measured for each seed, but for those that failed.
        failures: Why the others came to nothing, by seed.
    """

    name: str
    is_searched: bool
    records: list[dict[str, Any]]
    failures: dict[int, str]

    @property
    def label(self) -> str:
        """Its name for people."""
        return words.system(self.name)

    def values(self, metric: str, mode: str | None = None) -> list[float]:
        """A metric of the test split for each seed."""
        tests = [
            record["test"] if mode is None else record["test"][mode] for record in self.records
        ]
        return [float(test[metric]) for test in tests]

    def mean(self, name: str) -> float | None:
        """The mean of a number such as `seconds` or `parameters` over the seeds."""
        known = [record[name] for record in self.records if record.get(name) is not None]
        return float(np.mean(known)) if known else None

    def latency(self, rows: int) -> float | None:
        """Milliseconds of a call of so many rows; None where it was not measured."""
        for record in self.records:
            found = (record["latency_ms"] or {}).get(str(rows))
            if found is not None:
                return float(found)
        return None

    @property
    def latency_note(self) -> str | None:
        """What its latency is of, where that is no exported model."""
        notes = [(record["latency_ms"] or {}).get("note") for record in self.records]
        return next((note for note in notes if note), None)

    @property
    def without_latency(self) -> str | None:
        """Why it has no latency; None where it has one, or nothing has been measured."""
        latencies = [record["latency_ms"] for record in self.records if record["latency_ms"]]
        return latencies[0].get("reason") if latencies else None


class ComparisonResult:
    """The results of a comparison; everything in it stands in the folder.

    Args:
        folder: Folder of a comparison, which need not have finished.

    Raises:
        RunError: Where there is none, or a file is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)
        run = ComparisonFolder(folder, read_only=True)
        config = run.read_json(CONFIG_FILE)
        file = self.folder / RESULTS_FILE
        if config is None or not is_comparison(run) or not file.is_file():
            raise RunError(
                f"There is no comparison in this folder. Received: folder={str(self.folder)!r}"
            )
        self.run = run
        self.file = file
        self.config = config
        self.spec = FeatureSpec.load(self.folder)
        self.records = run.results()
        # Tables and page ask for the same ones.
        self._scores: dict[str, list[dict[str, Any]]] = {}
        self._differences: dict[tuple[str | None, ...], Difference] = {}

    @property
    def modes(self) -> tuple[str | None, ...]:
        """Candidate modes of the test split, the first of which ranks; one None for task ctr."""
        if self.spec.task == "ctr":
            return (None,)
        return tuple(self.config["candidates"]["modes"])

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, the first of which ranks."""
        return METRICS[self.spec.task]

    @property
    def num_workers(self) -> int:
        """Most runs that were made at a time; 0 where that is not recorded."""
        return max((record.get("workers", 0) for record in self.records), default=0)

    @property
    def num_audited(self) -> int:
        """Of how many architectures each step of the searches was audited; 0 of none."""
        return max((record.get("audit", {}).get("number", 0) for record in self.records), default=0)

    @functools.cached_property
    def systems(self) -> list[Measured]:
        """The systems, the best by the mean of the first metric first; those that failed last."""
        found = []
        for name in self.config["systems"]:
            own = [record for record in self.records if record["system"] == name]
            found.append(
                Measured(
                    name,
                    systems.named(name, self.spec.task).is_searched,
                    [record for record in own if not failed(record)],
                    {record["seed"]: record["reason"] for record in own if failed(record)},
                )
            )
        return sorted(found, key=self._rank)

    @functools.cached_property
    def trials(self) -> dict[str, list[tuning.Trial]]:
        """What tuning has tried, by name of the system; nothing where it was not asked for."""
        return tuning.read(self.run) if self.config.get("tuning_trials") else {}

    def num_trials(self, name: str) -> int:
        """How often a system was trained to choose its settings."""
        asked: int = self.config.get("tuning_trials", 0)
        return len(self.trials[name]) if name in self.trials else asked

    def failed_trials(self, name: str) -> dict[int, str]:
        """Why trials of a system came to nothing, by their numbers."""
        tried = enumerate(self.trials.get(name, ()))
        return {number: trial.reason for number, trial in tried if trial.reason is not None}

    def _rank(self, system: Measured) -> float:
        if not system.records:
            return float("inf")
        return -float(np.mean(system.values(self.metrics[0], self.modes[0])))

    @property
    def best_reference(self) -> Measured | None:
        """The best hand-made system; None where none has been measured."""
        hand_made = (each for each in self.systems if not each.is_searched and each.records)
        return next(hand_made, None)

    def difference(
        self, own: Measured, other: Measured, metric: str, mode: str | None = None
    ) -> Difference:
        """How much better a system is than another, on the same examples of the test split.

        Raises:
            RunError: Where the scores of the examples are gone.
        """
        asked = (own.name, other.name, metric, mode)
        if asked not in self._differences:
            self._differences[asked] = self._difference(own, other, metric, mode)
        return self._differences[asked]

    def _difference(
        self, own: Measured, other: Measured, metric: str, mode: str | None
    ) -> Difference:
        scores, others = self._scores_of(own), self._scores_of(other)
        if mode is not None:
            return significance.ranking_difference(metric, scores, others, mode)
        if metric == "log_loss":
            return significance.loss_difference(scores, others)
        return significance.auc_difference(scores, others)

    def _scores_of(self, system: Measured) -> list[dict[str, Any]]:
        """What was measured of each example, for each seed."""
        if system.name not in self._scores:
            self._scores[system.name] = [
                dict(StoredArrays(self.folder / record["run_dir"] / TEST_FILE))
                for record in system.records
            ]
        return self._scores[system.name]

    def table(self) -> pd.DataFrame:
        """A row for each system, the best first.

        `METRIC` is the mean over the seeds and `METRIC_deviation` their standard deviation, with
        the mode of the candidates in front for task next_item, as in `full_ndcg@5`; `gain` is how
        much better the system is than the best hand-made one in the first metric, `gain_error` its
        standard error and `p_value` the chance of as much between equals. Then the number of seeds
        measured, parameters, seconds of a training, and milliseconds of a call of 1 and 256 rows.
        """
        table = pd.DataFrame([self._row(system) for system in self.systems])
        if "parameters" in table:
            table["parameters"] = table["parameters"].round().astype("Int64")
        return table

    def _row(self, system: Measured) -> dict[str, Any]:
        row: dict[str, Any] = {"system": system.name, "runs": len(system.records)}
        if not system.records:
            return row
        for mode in self.modes:
            for metric in self.metrics:
                values = system.values(metric, mode)
                name = metric if mode is None else f"{mode}_{metric}"
                row[name] = float(np.mean(values))
                row[f"{name}_deviation"] = deviation(values)
        other = self.best_reference
        if other is not None and other.name != system.name:
            gain = self.difference(system, other, self.metrics[0], self.modes[0])
            row |= {"gain": gain.value, "gain_error": gain.error, "p_value": gain.p_value}
        row |= {
            "parameters": system.mean("parameters"),
            "seconds": system.mean("seconds"),
            "ms_1": system.latency(1),
            "ms_256": system.latency(256),
        }
        return row

    def summary(self) -> list[dict[str, Any]]:
        """The table as plain JSON, with trials that failed: what is not known is left out."""
        rows = [
            self._row(system) | {"failed_trials": self.failed_trials(system.name) or None}
            for system in self.systems
        ]
        return [{name: value for name, value in row.items() if value is not None} for row in rows]


def deviation(values: Sequence[float]) -> float | None:
    """Their standard deviation; None of a single one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
