"""One training of one system: in a run folder of its own, and measured in it."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from amer_tf.compare import measuring
from amer_tf.compare.systems import System
from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search.array_files import write_arrays
from amer_tf.search.reference_result import ReferenceResult
from amer_tf.search.reference_run import ReferenceRun
from amer_tf.search.result import SearchResult
from amer_tf.search.searcher import AmerSearch
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.state import RunFolder
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError

RECORD_FILE = "record.json"
TEST_FILE = "test.npz"
LATENCY_FILE = "latency.json"
LOG_FILE = "log.txt"
_TREES_NOTE = "LightGBM itself, no SavedModel"


@dataclasses.dataclass(frozen=True)
class Job:
    """What one process does.

    Args:
        system: The system.
        seed: Seed of every random choice.
        settings: Its settings.
        folder: Its run folder.
        time_limit: Seconds for all of it, or None.
        candidates: How the test split is measured.
        changed: Settings that tuning has chosen.
        audit: Of how many architectures the scores of a search are checked; see `AmerSearch`.
        is_trial: Whether it is one of several that tuning chooses from: the test split is left
            alone.
    """

    system: System
    seed: int
    settings: BaseSettings
    folder: pathlib.Path
    time_limit: float | None = None
    candidates: measuring.Candidates = dataclasses.field(default_factory=measuring.Candidates)
    changed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    audit: int = 0
    is_trial: bool = False

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{self.system.name}, {self.folder.name.replace('_', ' ')}"

    @property
    def log(self) -> pathlib.Path:
        """All that its process writes to standard error."""
        return self.folder / LOG_FILE

    def record(self) -> dict[str, Any] | None:
        """What was measured, or why not; None where neither is known yet."""
        record = RunFolder(self.folder, read_only=True).read_json(RECORD_FILE)
        if record is None or self.is_trial or failed(record):
            return record
        # A trial that becomes a result is still to be measured on the test split.
        return record if "test" in record and (self.folder / TEST_FILE).is_file() else None

    def record_failure(self, reason: str, *, is_final: bool = False) -> None:
        """Writes down why it came to nothing, and whether it always would.

        What has been measured stays: an audit that fails takes nothing away, and a trial of which
        the test split could not be measured keeps its validation score.
        """
        known = self.record()
        if known is not None and not failed(known):
            return
        run = RunFolder(self.folder)
        failure = {"status": "failed", "reason": reason, "is_final": is_final}
        run.write_json(RECORD_FILE, {**(run.read_json(RECORD_FILE) or {}), **failure})

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done: not if it failed and would again."""
        record = self.record()
        if record is None or failed(record):
            return record is None or not record["is_final"]
        # A search that has finished can be audited afterwards.
        return record.get("audit", {}).get("number", 0) < self.audit

    @property
    def has_latency(self) -> bool:
        """Whether its latency was measured, or never can be."""
        latency = self._latency() or {"reason": "not measured yet"}
        return "reason" not in latency or bool(latency.get("is_final"))

    def record_latency(self, latency: Mapping[str, Any]) -> None:
        """Writes down milliseconds by number of rows, or the reason why there are none."""
        RunFolder(self.folder).write_json(LATENCY_FILE, latency)

    def _latency(self) -> dict[str, Any] | None:
        return RunFolder(self.folder, read_only=True).read_json(LATENCY_FILE)

    def line(self, folder: pathlib.Path) -> dict[str, Any]:
        """Its line in the results of a comparison in a folder."""
        return {
            "system": self.system.name,
            "seed": self.seed,
            **(self.record() or {}),
            "latency_ms": self._latency(),
            "run_dir": str(self.folder.relative_to(folder)),
        }


def failed(record: Mapping[str, Any]) -> bool:
    """Whether a training came to nothing."""
    return bool(record.get("status") == "failed")


def train(job: Job, load_data: Callable[[], Any]) -> None:
    """Trains and measures, or goes on with it; a failure is recorded as such.

    Args:
        job: What to do.
        load_data: Gives the data, with `spec`, `train`, `validation` and `test`.
    """
    run = RunFolder(job.folder)
    data = load_data()
    before = job.record()
    if before is None or failed(before):
        try:
            result = _result(job, data)
            record = _described(job, result)
            if not job.is_trial:
                record["test"], arrays = measuring.measure(result, data, job.candidates)
                run.write(TEST_FILE, lambda stream: write_arrays(stream, arrays))
        except Exception as error:
            # Whatever it is: the others go on.
            traceback.print_exc()
            is_final = isinstance(error, (TrainingError, MetricError, EvaluationError))
            job.record_failure(reason_of(error), is_final=is_final)
            return
        run.write_json(RECORD_FILE, record)
    if job.audit:
        run.write_json(RECORD_FILE, {**(job.record() or {}), "audit": _audited(job, data)})


def sentence(job: Job) -> str:
    """How a job has ended, in short."""
    record = job.record() or {}
    if failed(record):
        return f"{job.title} failed: {record['reason']}"
    return f"{job.title}: {record['score']:.4f} on the validation split"


def reason_of(error: Exception) -> str:
    """Why something failed, in one line."""
    text = str(error).strip()
    # Errors of ours say what is wrong in words; others need their names.
    is_own = type(error).__module__.partition(".")[0] in ("amer_tf", "data_pipelines")
    return text if is_own else f"{type(error).__name__}: {text}"


def _result(job: Job, data: Any) -> SearchResult | ReferenceResult:
    if job.system.is_searched:
        return _searched(job, data)
    reference = ReferenceRun(
        data.spec,
        job.folder,
        job.system.name,
        settings=job.settings,
        time_limit=job.time_limit,
        seed=job.seed,
    )
    return reference.fit(data.train, data.validation)


def _searched(job: Job, data: Any, audit: int = 0) -> SearchResult:
    search = AmerSearch(
        data.spec,
        job.folder,
        steps=job.system.steps,
        settings=job.settings.replace(references=()),
        time_limit=job.time_limit,
        seed=job.seed,
        audit=audit,
    )
    return search.fit(data.train, data.validation)


def _described(job: Job, result: SearchResult | ReferenceResult) -> dict[str, Any]:
    if isinstance(result, SearchResult):
        trial, seconds = result.best_trial, result.metrics["seconds"]
    else:
        trial, seconds = result.trial, result.seconds
    return {
        "status": "done",
        "system": job.system.name,
        "seed": job.seed,
        "score": trial["score"],
        "validation": trial["metrics"],
        "parameters": trial["parameters"],
        "seconds": seconds,
        "changed": dict(job.changed),
        **({"architecture": trial["architecture"]} if "architecture" in trial else {}),
    }


def _audited(job: Job, data: Any) -> dict[str, Any]:
    """What an audit has found, or why nothing.

    The search has had its whole time before: an audit does not change what is compared.
    """
    try:
        audit = _searched(job, data, job.audit).audit()
    except Exception as error:
        traceback.print_exc()
        return {"number": job.audit, "reason": reason_of(error)}
    assert audit is not None
    return {**audit.to_dict(), "number": job.audit}


def measure_latency(job: Job, load_data: Callable[[], Any]) -> None:
    """Exports a finished training, and writes down how long a call takes.

    Trees, which cannot be exported, are timed as they are, which is noted.
    """
    from amer_tf.export.latency import measure_latency

    try:
        data = load_data()
        result = _result(job, data)
        is_trees = isinstance(result.model, BoostedTrees)
        if is_trees:
            found = measuring.trees_latency(result.model, data.test)
        else:
            with tempfile.TemporaryDirectory() as folder:
                result.export(f"{folder}/export", warmup=False)
                found = measure_latency(f"{folder}/export")
        latency: dict[str, Any] = {str(rows): round(ms, 3) for rows, ms in found.items()}
        if is_trees:
            latency["note"] = _TREES_NOTE
    except Exception as error:
        traceback.print_exc()
        latency = {"reason": reason_of(error)}
    job.record_latency(latency)
