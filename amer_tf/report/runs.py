"""Several runs of one data set: whether they belong together, and their scores over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from amer_tf.report import words
from amer_tf.report.run_record import RunRecord
from amer_tf.report.words import FOUND
from amer_tf.search.run_error import RunError
from amer_tf.search.trials import score_of

# Arguments of a search beside its settings that change what it finds.
_LIMITS = ("time_limit", "max_params", "max_latency_ms")


class Spread(NamedTuple):
    """Scores of one system over several seeds.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation; None of a single one.
        values: The scores, by seed.
    """

    mean: float
    deviation: float | None
    values: dict[int, float]


def require_comparable(records: Sequence[RunRecord]) -> None:
    """Checks that runs are of one data set and one recipe, with seeds of their own.

    Runs of another sampler may have other hand-made systems beside them, or none: the report
    compares what the first run found with those of its own sampler alone. Under a time limit
    hand-made systems take time from the search, so that all runs must have the same.

    Raises:
        RunError: Where one of them is of another kind.
    """
    first = records[0]
    seeds: dict[tuple[Any, int], RunRecord] = {}
    for record in records:
        where = f"Received: run_dir={str(record.result.run.path)!r}"
        digests = {run.data.get("digest") for run in (first, record)} - {None}
        if record.config["spec"] != first.config["spec"] or len(digests) > 1:
            raise RunError(
                "Runs in one report must be of the same data, prepared in the same way. "
                f"{where} beside {str(first.result.run.path)!r}"
            )
        same_steps = next(run for run in records if run.steps == record.steps)
        known = _recipe(same_steps)
        for name, value in _recipe(record).items():
            other = known.get(name)
            if name == "references" and record.config.get("time_limit") is None:
                same_variant = next(run for run in records if run.variant == record.variant)
                other = _recipe(same_variant)[name]
            if value != other and name != "sampler":
                raise RunError(
                    "Runs in one report must have the same settings and limits, and differ in "
                    "their seeds, steps or samplers alone. "
                    f"{where}, {name}={value!r} beside {other!r}"
                )
        if (record.variant, record.seed) in seeds:
            twin = seeds[record.variant, record.seed].result.run.path
            raise RunError(
                "Runs of the same steps and sampler in one report must have different seeds. "
                f"{where}, seed={record.seed}, as {str(twin)!r}"
            )
        seeds[record.variant, record.seed] = record


def _recipe(record: RunRecord) -> dict[str, Any]:
    """The settings and limits of a run."""
    limits = {name: record.config.get(name) for name in _LIMITS}
    return {**record.config["settings"], **limits}


def scores(
    records: Sequence[RunRecord], metric: str, place: tuple[str, str] | None = None
) -> dict[str, dict[int, float]]:
    """A metric of each system by seed, under the systems' names for people.

    Args:
        records: The runs. Those of other steps have found systems of their own, and the same
            references once more.
        metric: Name of the metric.
        place: Split and candidate mode of a recorded evaluation; None for the validation scores
            of the searches.
    """
    found: dict[str, dict[int, float]] = {}
    for record in records:
        if place is None:
            measured = {name: trial["metrics"] for name, trial in record.systems.items()}
        else:
            measured = record.evaluations().get(place, {})
        for name, metrics in measured.items():
            label = words.system(name)
            if name == FOUND:
                label += _which(record, records)
            if metric in metrics:
                found.setdefault(label, {}).setdefault(record.seed, float(metrics[metric]))
    return found


def _which(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """What tells the found system of a run from those of others, in brackets."""
    parts = []
    if any(other.steps != record.steps for other in records):
        parts.append(f"AMER-{words.step_numbers(record.steps)}")
    if any(other.sampler != record.sampler for other in records):
        parts.append(words.SAMPLERS.get(record.sampler, record.sampler))
    return f" ({', '.join(parts)})" if parts else ""


def spread(values: dict[int, float]) -> Spread:
    """Mean and standard deviation of a system's scores."""
    numbers = list(values.values())
    deviation = statistics.stdev(numbers) if len(numbers) > 1 else None
    return Spread(statistics.fmean(numbers), deviation, values)


def best_reference(record: RunRecord) -> str | None:
    """The hand-made system with the best validation score; None where there is none."""
    return max(record.references, key=lambda name: score_of(record.references[name]), default=None)
