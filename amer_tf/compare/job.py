"""One training of one system: in a run folder of its own, and measured in it."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from amer_tf.compare import divergence, measuring, processes
from amer_tf.compare.folder import JobFolder
from amer_tf.compare.limit_effects import limit_effects
from amer_tf.compare.systems import System
from amer_tf.compare.tuning import Trial
from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search.array_files import write_arrays
from amer_tf.search.audit import PHASE as AUDIT
from amer_tf.search.audit_plan import TooFewScoresError
from amer_tf.search.reference_result import ReferenceResult
from amer_tf.search.reference_run import ReferenceRun
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.searcher import AmerSearch
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.state import CONFIG_FILE, METRICS_FILE
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError
from amer_tf.wording import counted

RECORD_FILE = "record.json"
TEST_FILE = "test.npz"
LATENCY_FILE = "latency.json"
LOG_FILE = "log.txt"
# How many runs were made at a time when a training began, and whenever it went on.
ATTEMPTS_FILE = "attempts.json"
_TREES_NOTE = "LightGBM itself, no SavedModel, with {threads}"


@dataclasses.dataclass(frozen=True)
class Job:
    """What one process does.

    Args:
        system: The system.
        seed: Seed of every random choice.
        settings: Its settings.
        folder: Its run folder.
        options: What a hand-made system has beside the settings.
        time_limit: Seconds for all of it, or None.
        candidates: How the test split is measured.
        changed: Settings that tuning has chosen.
        audit: Of how many architectures the scores of a search are checked; see `AmerSearch`.
        is_trial: Whether it is one of several that tuning chooses from: the test split is left
            alone.
        workers: Runs at a time, of which it is one.
    """

    system: System
    seed: int
    settings: BaseSettings
    folder: pathlib.Path
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    time_limit: float | None = None
    candidates: measuring.Candidates = dataclasses.field(default_factory=measuring.Candidates)
    changed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    audit: int = 0
    is_trial: bool = False
    workers: int = 1

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
        record = JobFolder(self.folder, read_only=True).read_json(RECORD_FILE)
        if record is None or self.is_trial or failed(record):
            return record
        # A trial that becomes a result is still to be measured on the test split.
        return record if "test" in record and (self.folder / TEST_FILE).is_file() else None

    def record_failure(self, reason: str, *, is_final: bool = False) -> None:
        """Writes down why it came to nothing, and whether it always would.

        What has been measured stays: of a search that is done its audit has failed, and a trial of
        which the test split could not be measured keeps its validation score.
        """
        known = self.record()
        if known is not None and not failed(known):
            if self.audit:
                self.record_audit(_audit_failure(reason, is_final))
            return
        run = JobFolder(self.folder)
        failure = {"status": "failed", "reason": reason, "is_final": is_final}
        run.write_json(RECORD_FILE, {**(run.read_json(RECORD_FILE) or {}), **failure})

    def record_attempt(self) -> None:
        """Writes down that its training begins or goes on; of one that is done there is no word."""
        run = JobFolder(self.folder)
        if (run.path / METRICS_FILE).exists():
            return
        before = self._attempts()
        if not before and (run.path / CONFIG_FILE).exists():  # begun before attempts were recorded
            before = [self.workers]
        run.write_json(ATTEMPTS_FILE, {"workers": [*before, self.workers]})

    def attempts(self) -> dict[str, Any]:
        """For its record: most runs at a time while it was trained, and whether it was resumed."""
        known = self._attempts()
        resumed = {"resumed": True} if len(known) > 1 else {}
        return {"workers": max(1, *known), **resumed} if known else {}

    def _attempts(self) -> list[int]:
        known = JobFolder(self.folder, read_only=True).read_json(ATTEMPTS_FILE) or {}
        return list(known.get("workers", ()))

    def record_audit(self, found: Mapping[str, Any]) -> None:
        """Writes down what the audit has found, or why not: then what one before it found stays."""
        record = self.record() or {}
        known = record.get("audit", {}) if "reason" in found else {}
        audit = {**known, **found, "number": self.audit}
        JobFolder(self.folder).write_json(RECORD_FILE, {**record, "audit": audit})

    def outcome(self) -> Trial:
        """What tuning is told of it."""
        record = self.record() or {}
        # One of which only the test split could not be measured keeps its score.
        score = record.get("score")
        return Trial(dict(self.changed), score, record.get("reason") if score is None else None)

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done: not if it failed and would again."""
        record = self.record()
        if record is None or failed(record):
            return record is None or not record["is_final"]
        return self._is_audit_open(record.get("audit", {}))

    def _is_audit_open(self, known: Mapping[str, Any]) -> bool:
        """Whether a search that is done is still to be audited, or with more architectures."""
        if not self.audit:
            return False
        if known.get("number", 0) < self.audit:
            return True
        if "reason" in known:
            return not known.get("is_final", False)
        return bool(known["num_missing"])

    @property
    def has_latency(self) -> bool:
        """Whether its latency was measured, or never can be."""
        latency = self._latency() or {"reason": "not measured yet"}
        return "reason" not in latency or bool(latency.get("is_final"))

    def record_latency(self, latency: Mapping[str, Any]) -> None:
        """Writes down milliseconds by number of rows, or the reason why there are none."""
        JobFolder(self.folder).write_json(LATENCY_FILE, latency)

    def _latency(self) -> dict[str, Any] | None:
        return JobFolder(self.folder, read_only=True).read_json(LATENCY_FILE)

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
    run = JobFolder(job.folder)
    data = load_data()
    before = job.record()
    if before is None or failed(before):
        try:
            job.record_attempt()
            result = _result(job, data)
            record = _described(job, result)
            divergence.check(record["validation"])
            if not job.is_trial:
                record["test"], arrays = measuring.measure(result, data, job.candidates)
                run.write(TEST_FILE, lambda stream: write_arrays(stream, arrays))
        except Exception as error:
            # Whatever it is: the others go on.
            traceback.print_exc()
            job.record_failure(reason_of(error), is_final=_is_final(error))
            return
        run.write_json(RECORD_FILE, record)
    if job.audit:
        job.record_audit(_audited(job, data))


def sentence(job: Job) -> str:
    """How a job has ended, in short."""
    record = job.record() or {}
    if failed(record):
        return f"{job.title} failed: {record['reason']}"
    text = f"{job.title}: {record['score']:.4f} on the validation split"
    reason = record.get("audit", {}).get("reason") if job.audit else None
    return text if reason is None else f"{text}; its audit failed: {reason}"


def reason_of(error: Exception) -> str:
    """Why something failed, in one line."""
    text = str(error).strip()
    # Errors of ours say what is wrong in words; others need their names.
    is_own = type(error).__module__.partition(".")[0] in ("amer_tf", "data_pipelines")
    return text if is_own else f"{type(error).__name__}: {text}"


def _is_final(error: Exception) -> bool:
    """Whether the same would come again; want of disk or memory need not."""
    if isinstance(error, RunError):
        # A folder that cannot be written may be later, scores that are not there will not be.
        return isinstance(error, TooFewScoresError)
    # Wrong sizes stay wrong.
    return isinstance(error, (TrainingError, MetricError, EvaluationError, ValueError))


def _result(job: Job, data: Any) -> SearchResult | ReferenceResult:
    if job.system.is_searched:
        return _searched(job, data)
    reference = ReferenceRun(
        data.spec,
        job.folder,
        job.system.kind,
        settings=job.settings,
        time_limit=job.time_limit,
        seed=job.seed,
        options=job.options,
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
        trial, seconds = result.best_trial, float(result.metrics["seconds"])
    else:
        trial, seconds = result.trial, result.seconds
    phases, trials = result.run.phases(), result.run.trials()
    effects = limit_effects(job.settings, phases, trials, job.system.steps, seconds, job.time_limit)
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
        **({"limit": effects} if effects else {}),
        **job.attempts(),
    }


def _audited(job: Job, data: Any) -> dict[str, Any]:
    """What an audit has found, or why nothing.

    The search has had its whole time before: an audit does not change what is compared.
    """
    try:
        result = _searched(job, data, job.audit)
        audit = result.audit()
    except Exception as error:
        traceback.print_exc()
        return _audit_failure(reason_of(error), _is_final(error))
    if audit is not None:
        return audit.to_dict()
    if result.run.phases()[AUDIT]["missing"]:
        return _audit_failure("The time limit ended before one architecture was trained.", False)
    return _audit_failure("None of its architectures could be trained.", True)


def _audit_failure(reason: str, is_final: bool) -> dict[str, Any]:
    return {"reason": reason, "is_final": is_final}


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
            threads = counted(processes.num_threads(), "thread")
            latency["note"] = _TREES_NOTE.format(threads=threads)
    except Exception as error:
        traceback.print_exc()
        latency = {"reason": reason_of(error)}
    job.record_latency(latency)
