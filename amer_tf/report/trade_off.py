"""What quality costs: scores against parameters, and against latency where it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from amer_tf.report import words
from amer_tf.report.markup import Html, figure, joined, paragraph
from amer_tf.report.plots import COLORS, plain_numbers, plot, shared_legend
from amer_tf.report.run_record import REFERENCE, RunRecord
from amer_tf.search.admission import left_out
from amer_tf.wording import counted

# Trees have no parameters that could be set beside weights.
_TREES = "lightgbm"
_SIZE = "parameters"
_REFERENCE_MARKERS = ("x", "+", "1", "2", "*", "P", "X", "v")
_MARKERS = {"inherited": "o", "fine-tuned": "s", "scratch": "^", "final": "D"}


class Point(NamedTuple):
    """One scored model."""

    kind: str
    name: str
    cost: float
    score: float


class Cost(NamedTuple):
    """What is on the horizontal axis, and the most that it might be, if there is a limit."""

    label: str
    points: list[Point]
    limit: float | None = None


def costs(record: RunRecord) -> list[Cost]:
    """Parameters, and the latencies of the systems that were measured."""
    trials = [*record.models, *record.references.values()]
    sized = [trial for trial in trials if trial["parameters"] and trial.get("name") != _TREES]
    found = {_SIZE: [_point(trial, trial["parameters"]) for trial in sized]}
    for trial in trials:
        for rows, milliseconds in record.latency_of(trial).items():
            label = f"milliseconds for {words.rows(rows)}"
            found.setdefault(label, []).append(_point(trial, milliseconds))
    return [
        Cost(label, points, record.config.get("max_params" if label == _SIZE else "max_latency_ms"))
        for label, points in found.items()
        if len(points) > 1
    ]


def _point(trial: Mapping[str, Any], cost: float) -> Point:
    return Point(trial["kind"], trial.get("name", ""), float(cost), float(trial["score"]))


def trade_off(record: RunRecord) -> Html | None:
    """Diagrams of score against cost, and what limits have left out; None where there is neither.

    A diagram sets two models or more side by side.
    """
    shown, texts = costs(record), limits(record)
    parts = [*([_diagrams(record, shown)] if shown else []), *map(paragraph, texts)]
    return joined(parts) if parts else None


def limits(record: RunRecord) -> list[str]:
    """What the limits of a run were, and what was left out for them."""
    known = []
    if record.config.get("max_params") is not None:
        known.append(counted(record.config["max_params"], "parameter"))
    if record.config.get("max_latency_ms") is not None:
        known.append(f"{record.config['max_latency_ms']:g} milliseconds for 1 row as for 256 rows")
    if not known:
        return []
    what = f"The found model was to have at most {' and '.join(known)}."
    over = left_out(record.result.run)
    if not over:
        return [f"{what} Nothing that was best had to be left out for it."]
    return [f"{what} This changed what was found:", *over]


def _diagrams(record: RunRecord, shown: list[Cost]) -> Html:
    metric = words.metric(record.ranked_by)

    def draw(figure: Any) -> None:
        for number, cost in enumerate(shown, 1):
            axes = figure.add_subplot(1, len(shown), number)
            axes.set_xlabel(cost.label)
            if number == 1:
                axes.set_ylabel(f"validation {metric.label}")
            _draw_points(axes, cost, record.result.score, 3 if len(shown) > 2 else 4)
        shared_legend(figure, figure.axes, loc="outside lower left", ncols=3)

    in_words = "; ".join(
        f"{point.name or point.kind}: {point.score:.4f} at {point.cost:g}"
        for point in shown[0].points
        if point.kind == REFERENCE or point.score == record.result.score
    )
    image = plot(
        "trade-off",
        f"{metric.label} against {shown[0].label}. {in_words}.",
        draw,
        height=3.8,
    )
    return figure(
        image,
        "Each mark is a scored model; up is better, left is smaller. A model further left at the "
        "same height does the same for less."
        + (
            " The dashed line is the limit of the found model."
            if any(cost.limit is not None for cost in shown)
            else ""
        ),
    )


def _draw_points(axes: Any, cost: Cost, best: float, most_ticks: int) -> None:
    points = cost.points
    marks = {
        (point.kind, point.name): (
            f"{words.system(point.name)}, made by hand"
            if point.kind == REFERENCE
            else f"found: {words.TRAININGS.get(point.kind, point.kind)}"
        )
        for point in points
    }
    references = iter(_REFERENCE_MARKERS * len(marks))
    for (kind, name), label in marks.items():
        is_reference = kind == REFERENCE
        these = [point for point in points if (point.kind, point.name) == (kind, name)]
        axes.scatter(
            [point.cost for point in these],
            [point.score for point in these],
            label=label,
            marker=next(references) if is_reference else _MARKERS.get(kind, "o"),
            s=46 if is_reference else 30,
            color=COLORS["second" if is_reference else "first"],
            alpha=0.8,
        )
    kept = [point for point in points if point.kind != REFERENCE and point.score == best]
    if kept:
        axes.scatter(
            [kept[0].cost], [kept[0].score], s=150, facecolors="none", edgecolors=COLORS["ink"],
            label="the model of the run",
        )  # fmt: skip
    values = [point.cost for point in points]
    if cost.limit is not None:
        values.append(cost.limit)
        axes.axvline(
            cost.limit, color=COLORS["third"], linestyle="dashed", linewidth=1.2, label="the limit"
        )
    is_wide = max(values) > 10.0 * min(values)
    if is_wide:
        axes.set_xscale("log")
    axes.margins(x=0.1, y=0.12)
    plain_numbers(axes.xaxis, most=most_ticks, log=is_wide)
