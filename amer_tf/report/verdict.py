"""The headline: which system is best, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from amer_tf.report import runs, words
from amer_tf.report.markup import Html, element, joined, paragraph
from amer_tf.report.run_record import RunRecord
from amer_tf.report.words import FOUND


class Comparison(NamedTuple):
    """Two systems by one metric.

    Attributes:
        metric: Name of the metric.
        own: What the found model reached.
        other: What the other system reached.
        error: Standard error of the difference; None where it is not known.
    """

    metric: str
    own: float
    other: float
    error: float | None

    @property
    def difference(self) -> float:
        """How much better the found model is; negative where it is worse."""
        sign = -1.0 if words.metric(self.metric).lower_is_better else 1.0
        return sign * (self.own - self.other)

    @property
    def errors(self) -> float | None:
        """The difference in standard errors."""
        return None if not self.error else self.difference / self.error


def compare(own: dict[str, object], other: dict[str, object], metric: str) -> Comparison:
    """Two systems' metrics on the same rows or users.

    The error of the difference is taken as if the rows were different ones: an upper bound.
    """
    errors = [_error(metrics, metric) for metrics in (own, other)]
    known = [error for error in errors if error is not None]
    error = math.hypot(*known) if len(known) == 2 else None
    return Comparison(metric, _number(own[metric]), _number(other[metric]), error)


def _error(metrics: dict[str, object], metric: str) -> float | None:
    errors = metrics.get("standard_errors")
    value = errors.get(metric) if isinstance(errors, dict) else None
    return value if isinstance(value, float) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def certainty(comparison: Comparison) -> str:
    """Whether a difference is more than chance, in words."""
    errors = comparison.errors
    if errors is None:
        return "How much of that is chance is not known."
    if abs(errors) < 1.0:
        return (
            f"That is less than its standard error ({comparison.error:.4f}): the two cannot be "
            "told apart."
        )
    if abs(errors) < 2.0:
        return (
            f"That is {abs(errors):.1f} times its standard error ({comparison.error:.4f}): a hint, "
            "and no proof."
        )
    return (
        f"That is {abs(errors):.1f} times its standard error ({comparison.error:.4f}): more than "
        "chance explains."
    )


def verdict(records: Sequence[RunRecord]) -> Html:
    """What there is to know when nothing else is read.

    Over several seeds they decide; of a single run its validation split does.
    """
    record = records[0]
    name = runs.best_reference(record)
    if name is None:
        return element("div", _without_references(record), class_="verdict")
    single = compare(record.best["metrics"], record.references[name]["metrics"], record.ranked_by)
    over_seeds = seed_comparisons(records)
    if over_seeds:
        decides, rival = over_seeds[0].comparison, over_seeds[0].system
    else:
        decides, rival = single, words.system(name)
    parts = [paragraph(headline(decides, rival), class_="headline")]
    parts += [_over_seeds(one) for one in over_seeds]
    parts.append(_validation(record, name, single, with_seed=bool(over_seeds)))
    parts += [*_other_metrics(record, name, single), *_tests(record)]
    return element("div", *parts, class_="verdict")


def headline(comparison: Comparison, system: str) -> str:
    """One sentence.

    Args:
        comparison: The found model and the best hand-made system.
        system: That system's name for people.
    """
    ahead = comparison.difference > 0.0
    if comparison.difference == 0.0:
        return f"The network that the search found and the {system} are level."
    if comparison.errors is None or abs(comparison.errors) < 1.0:
        if ahead:
            return (
                f"The network that the search found is as good as the {system}, the best system "
                "made by hand, and not surely better."
            )
        return f"The search gained nothing: the {system}, made by hand, is as good or better."
    if ahead:
        surely = "is" if comparison.errors >= 2.0 else "seems to be"
        return f"The network that the search found {surely} better than all systems made by hand."
    return f"The {system}, made by hand, is better than what the search found."


def _without_references(record: RunRecord) -> Html:
    metric = words.metric(record.ranked_by)
    error = record.result.standard_error
    margin = "" if error is None else f" ± {error:.4f}"
    return joined(
        [
            paragraph("Whether the search gained anything is not known.", class_="headline"),
            paragraph(
                f"The found network reached a validation {metric.label} of "
                f"{record.result.score:.4f}{margin}. No hand-made system was scored beside it."
            ),
        ]
    )


def _validation(record: RunRecord, name: str, comparison: Comparison, with_seed: bool) -> Html:
    metric, number = words.metric(record.ranked_by), len(record.references)
    where = f"Seed {record.seed}, validation" if with_seed else "Validation"
    best = "" if number == 1 else f"the best of {number} hand-made systems, "
    return paragraph(
        f"{where} {metric.label}: {comparison.own:.4f} for the found network, "
        f"{comparison.other:.4f} for the {words.system(name)}, {best}"
        f"{_gap(comparison)}. {certainty(comparison)}"
    )


def _gap(comparison: Comparison) -> str:
    side = "ahead" if comparison.difference > 0.0 else "behind"
    return f"so the found network is {abs(comparison.difference):.4f} {side}"


def _other_metrics(record: RunRecord, name: str, order: Comparison) -> list[Html]:
    """What the other validation metrics say, where they say something else."""
    found = []
    for metric in record.result.METRICS:
        other = compare(record.best["metrics"], record.references[name]["metrics"], metric)
        if metric != record.ranked_by and other.difference * order.difference < 0.0:
            found.append(
                paragraph(
                    f"By {words.metric(metric).label} it is the other way round: {other.own:.4f} "
                    f"against {other.other:.4f}, {_gap(other)}. {certainty(other)}"
                )
            )
    return found


def _tests(record: RunRecord) -> list[Html]:
    """The same on rows that took no part in any choice."""
    found = []
    metric = record.ranked_by
    for (split, mode), systems in record.evaluations().items():
        others = {name: one for name, one in systems.items() if name != FOUND}
        if split != "test" or FOUND not in systems or not others:
            continue
        name = max(others, key=lambda name: _number(others[name][metric]))
        comparison = compare(systems[FOUND], others[name], metric)
        where = f"On the test split{f', {words.MODES.get(mode, mode)}' if mode else ''}"
        found.append(
            paragraph(
                f"{where}: {words.metric(metric).label} {comparison.own:.4f}, and "
                f"{comparison.other:.4f} for the {words.system(name)}, the best there of those "
                f"made by hand, {_gap(comparison)}. {certainty(comparison)}"
            )
        )
    return found


class SeedComparison(NamedTuple):
    """The found model and the best hand-made system on average, over several seeds."""

    system: str
    comparison: Comparison
    num_ahead: int
    num_seeds: int


def seed_comparisons(records: Sequence[RunRecord]) -> list[SeedComparison]:
    """One for each metric, that which ranks first; none of a single seed.

    The error is that of the mean of the differences, each between two systems of one run.
    """
    first = records[0]
    own = [record for record in records if record.steps == first.steps]
    if len(own) < 2:
        return []
    found = []
    for metric in sorted(first.result.METRICS, key=lambda name: name != first.ranked_by):
        systems = runs.scores(own, metric)
        ours = systems.pop(words.system(FOUND))
        systems = {name: values for name, values in systems.items() if set(values) == set(ours)}
        sign = -1.0 if words.metric(metric).lower_is_better else 1.0
        if not systems:
            continue
        name = max(systems, key=lambda name: sign * runs.spread(systems[name]).mean)
        gaps = {seed: sign * (ours[seed] - systems[name][seed]) for seed in ours}
        deviation = runs.spread(gaps).deviation or 0.0
        comparison = Comparison(
            metric,
            runs.spread(ours).mean,
            runs.spread(systems[name]).mean,
            deviation / math.sqrt(len(gaps)) or None,
        )
        num_ahead = sum(gap > 0.0 for gap in gaps.values())
        found.append(SeedComparison(name, comparison, num_ahead, len(gaps)))
    return found


def _over_seeds(one: SeedComparison) -> Html:
    comparison = one.comparison
    return paragraph(
        f"Mean over {one.num_seeds} seeds, validation {words.metric(comparison.metric).label}: "
        f"{comparison.own:.4f} for the found network, {comparison.other:.4f} for the {one.system}, "
        f"the best of those made by hand, {_gap(comparison)}; it is ahead in {one.num_ahead} of "
        f"{one.num_seeds} runs. {certainty(comparison)}"
    )
