"""The headline: which system is best, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import stats

from amer_tf.report import runs, words
from amer_tf.report.cut_short import cut_short, cut_short_sentence, left_out_sentence
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
        sure: From how many errors on a difference is more than chance.
    """

    metric: str
    own: float
    other: float
    error: float | None
    sure: float = 2.0

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
    if abs(errors) < comparison.sure:
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
    over_seeds = seed_comparisons(records, None)
    if over_seeds:
        decides, rival = over_seeds[0].comparison, over_seeds[0].system
        sentences = [_over_seeds(one) for one in over_seeds]
        for place in _test_places(record):
            sentences += [_over_seeds(one, place) for one in seed_comparisons(records, place)]
    else:
        decides = compare(
            record.best["metrics"], record.references[name]["metrics"], record.ranked_by
        )
        rival = words.system(name)
        sentences = [_validation(record, name, decides), *_other_metrics(record, name, decides)]
        sentences += _tests(record)
    own = [each for each in records if each.variant == record.variant]
    cut = {name: where for each in own for name, where in cut_short(each).items()}
    notes = [cut_short_sentence(cut), *map(left_out_sentence, own[:1])]
    sentences += [paragraph(note) for note in notes if note]
    top = paragraph(headline(decides, rival, cut), class_="headline")
    return element("div", top, *sentences, class_="verdict")


def headline(comparison: Comparison, system: str, cut: Iterable[str] = ()) -> str:
    """One sentence.

    Args:
        comparison: The found model and the best hand-made system.
        system: That system's name for people.
        cut: Names of the systems that a time limit cut short: being ahead of those says little.
    """
    ahead = comparison.difference > 0.0
    short = [words.system(name) for name in cut]
    if ahead and short:
        return (
            "Whether the search gained anything is not known: what it found is ahead, but the time "
            f"limit cut short {', '.join(short)}."
        )
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
        surely = "is" if comparison.errors >= comparison.sure else "seems to be"
        return f"The network that the search found {surely} better than all systems made by hand."
    surely = "is" if -comparison.errors >= comparison.sure else "seems to be"
    return f"The {system}, made by hand, {surely} better than what the search found."


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
            *(paragraph(note) for note in [left_out_sentence(record)] if note),
        ]
    )


def _validation(record: RunRecord, name: str, comparison: Comparison) -> Html:
    metric, number = words.metric(record.ranked_by), len(record.references)
    best = "" if number == 1 else f"the best of {number} hand-made systems, "
    return paragraph(
        f"Validation {metric.label}: {comparison.own:.4f} for the found network, "
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
    for place in _test_places(record):
        systems = record.evaluations()[place]
        others = {name: one for name, one in systems.items() if name != FOUND}
        if not others:
            continue
        name = max(others, key=lambda name: _number(others[name][metric]))
        comparison = compare(systems[FOUND], others[name], metric)
        found.append(
            paragraph(
                f"On the {words.place(place)}: {words.metric(metric).label} {comparison.own:.4f} "
                f"for the found network, {comparison.other:.4f} for the {words.system(name)}, the "
                f"best there of those made by hand, {_gap(comparison)}. {certainty(comparison)}"
            )
        )
    return found


def _test_places(record: RunRecord) -> list[tuple[str, str]]:
    """Where the found model was measured on the test split."""
    return [
        place
        for place, systems in record.evaluations().items()
        if place[0] == "test" and FOUND in systems
    ]


class SeedComparison(NamedTuple):
    """The found model and the best hand-made system on average, over several seeds."""

    system: str
    comparison: Comparison
    num_ahead: int
    num_seeds: int


def seed_comparisons(
    records: Sequence[RunRecord], place: tuple[str, str] | None
) -> list[SeedComparison]:
    """One for each metric, that which ranks first; none of a single seed.

    The error is that of the mean of the differences, each between two systems of one run; few
    seeds want a larger difference before it is more than chance (Student's t, 95 %).

    Args:
        records: The runs; those with the steps and the sampler of the first are looked at.
        place: As in `runs.scores`.
    """
    first = records[0]
    own = [record for record in records if record.variant == first.variant]
    found = []
    for metric in sorted(first.result.METRICS, key=lambda name: name != first.ranked_by):
        systems = runs.scores(own, metric, place)
        ours = systems.pop(words.system(FOUND), {})
        systems = {name: values for name, values in systems.items() if set(values) == set(ours)}
        if len(ours) < 2 or not systems:
            continue
        sign = -1.0 if words.metric(metric).lower_is_better else 1.0
        name = max(systems, key=lambda name: sign * runs.spread(systems[name]).mean)
        gaps = {seed: sign * (ours[seed] - systems[name][seed]) for seed in ours}
        deviation = runs.spread(gaps).deviation or 0.0
        comparison = Comparison(
            metric,
            runs.spread(ours).mean,
            runs.spread(systems[name]).mean,
            deviation / math.sqrt(len(gaps)) or None,
            float(stats.t.ppf(0.975, len(gaps) - 1)),
        )
        num_ahead = sum(gap > 0.0 for gap in gaps.values())
        found.append(SeedComparison(name, comparison, num_ahead, len(gaps)))
    return found


def _over_seeds(one: SeedComparison, place: tuple[str, str] = ("validation", "")) -> Html:
    comparison = one.comparison
    return paragraph(
        f"Mean over {one.num_seeds} seeds on the {words.place(place)}: "
        f"{words.metric(comparison.metric).label} {comparison.own:.4f} for the found network, "
        f"{comparison.other:.4f} for the {one.system}, the best there of those made by hand, "
        f"{_gap(comparison)}; it is ahead in {one.num_ahead} of {one.num_seeds} runs. "
        f"{certainty(comparison)}"
    )
