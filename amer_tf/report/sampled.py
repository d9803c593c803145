"""The architectures that were scored with inherited weights: how good, which chosen, how soon."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from amer_tf.architecture import Architecture
from amer_tf.report import words
from amer_tf.report.markup import Html, figure, joined, paragraph
from amer_tf.report.plots import COLORS, plot
from amer_tf.report.run_record import SAMPLED, RunRecord, architecture_of

_SAMPLERS = {"random": "random search", "evolution": "evolution"}
_NAMES = {"behavior": "behaviour networks", "mlp": "MLPs"}
_GROUPS = ("first", "second", "third")


class Sampled(NamedTuple):
    """What was sampled in one step.

    Attributes:
        step: Name of the step.
        label: What the scores are, as in the axis of a diagram.
        lower_is_better: Whether they are losses.
        scores: By kind of trial, in the order of the log.
        chosen: Scores of those that were scored again on all validation data.
        found: The score of the one that the result has, if it is among them.
    """

    step: str
    label: str
    lower_is_better: bool
    scores: dict[str, list[float]]
    chosen: list[float]
    found: float | None


def sampled_steps(record: RunRecord) -> list[Sampled]:
    """The steps in which architectures were sampled."""
    steps = []
    for step, kinds in SAMPLED.items():
        trials = record.of(*kinds)
        if not trials:
            continue
        # Losses stand in the log with a minus sign: there the larger score is the better one.
        is_loss = all(trial["score"] <= 0.0 for trial in trials)
        sign = -1.0 if is_loss else 1.0
        by_gene = {
            _gene(step, architecture_of(trial)): sign * float(trial["score"]) for trial in trials
        }
        rescored = {_gene(step, architecture_of(trial)) for trial in record.of("inherited")}
        steps.append(
            Sampled(
                step,
                words.metric("log_loss" if is_loss else record.ranked_by).label,
                is_loss,
                {
                    kind: [sign * float(trial["score"]) for trial in record.of(kind)]
                    for kind in kinds
                    if record.of(kind)
                },
                [by_gene[gene] for gene in by_gene if gene in rescored],
                by_gene.get(_gene(step, record.architecture)),
            )
        )
    return steps


def _gene(step: str, architecture: Architecture) -> object:
    """What a step decides of an architecture."""
    return architecture.canonical().blocks if step == "behavior" else architecture.mlp


def distribution(record: RunRecord) -> Html | None:
    """Histograms of inherited scores; None where nothing was sampled."""
    steps = sampled_steps(record)
    if not steps:
        return None

    def draw(figure: Any) -> None:
        for axes, step in zip(_axes(figure, len(steps)), steps, strict=True):
            axes.set_title(_title(step))
            axes.set_xlabel(f"validation {step.label} with inherited weights")
            axes.set_ylabel("architectures")
            _draw_histogram(axes, step)

    counts = ", ".join(
        f"{_title(step)}: {sum(map(len, step.scores.values())):,} scored, "
        f"{len(step.chosen)} scored again, from {min(_all(step)):.4f} to {max(_all(step)):.4f}"
        for step in steps
    )
    image = plot("scores", f"Distribution of inherited scores. {counts}.", draw, height=3.0)
    better = " and ".join(
        f"{'left' if step.lower_is_better else 'right'} is better for {_NAMES[step.step]}"
        for step in steps
    )
    return joined(
        [
            figure(
                image,
                f"The higher a bar, the more architectures have that score; {better}. The ticks "
                "under the bars are those that were scored again on all validation data, the "
                "upright line the one in the found model.",
            ),
            *(paragraph(text) for text in map(_note, steps) if text),
        ]
    )


def _note(step: Sampled) -> str:
    if step.found is None:
        return (
            f"{_title(step)}: the found model has none of these, but the predefined one, which "
            "predicted better once both were trained."
        )
    worse = sum(
        (score > step.found) == step.lower_is_better and score != step.found for score in _all(step)
    )
    return (
        f"{_title(step)}: the one in the found model is better than {worse:,} of the "
        f"{len(_all(step)):,} that were scored, at {step.found:.4f} with inherited weights."
    )


def _draw_histogram(axes: Any, step: Sampled) -> None:
    everything = _all(step)
    span = (min(everything), max(everything))
    bins = min(40, max(5, len(everything) // 5))
    for group, (kind, scores) in zip(_GROUPS, step.scores.items(), strict=False):
        axes.hist(
            scores, bins=bins, range=span, color=COLORS[group], alpha=0.55, label=_sampler(kind)
        )
    low, high = axes.get_ylim()
    if step.chosen:
        axes.plot(
            step.chosen,
            [low - 0.04 * (high - low)] * len(step.chosen),
            linestyle="none",
            marker="|",
            markersize=9,
            color=COLORS["ink"],
            label="scored again",
        )
    if step.found is not None:
        axes.axvline(step.found, color=COLORS["third"], linewidth=2.0, label="in the found model")
    axes.legend(fontsize=8)


def best_so_far(record: RunRecord) -> Html | None:
    """How soon each way of sampling found its best; None where nothing was sampled."""
    steps = sampled_steps(record)
    if not steps:
        return None

    def draw(figure: Any) -> None:
        for axes, step in zip(_axes(figure, len(steps)), steps, strict=True):
            axes.set_title(_title(step))
            axes.set_xlabel("architectures scored")
            axes.set_ylabel(f"best {step.label} so far")
            for group, (kind, scores) in zip(_GROUPS, step.scores.items(), strict=False):
                places, best = _steps_of(scores, step.lower_is_better)
                axes.plot(
                    places, best, drawstyle="steps-post", color=COLORS[group], label=_sampler(kind)
                )
            axes.legend(fontsize=8)

    ends = "; ".join(
        f"{_title(step)}, {_sampler(kind)}: {_steps_of(scores, step.lower_is_better)[1][-1]:.4f} "
        f"after {len(scores):,}"
        for step in steps
        for kind, scores in step.scores.items()
    )
    image = plot("best", f"Best inherited score so far. {ends}.", draw, height=2.8)
    return figure(
        image,
        "The curve takes a step whenever a better architecture is found. If it is flat for long at "
        "its right end, scoring more of them would have gained little; where there are two, the "
        "one that gets to a level further left needed less work for it.",
    )


def _steps_of(scores: Sequence[float], lower_is_better: bool) -> tuple[list[int], list[float]]:
    """The numbers at which the best changes, and the best from there on; the end too."""
    best = list(itertools.accumulate(scores, min if lower_is_better else max))
    places = [
        index
        for index in range(len(best))
        if index in (0, len(best) - 1) or best[index] != best[index - 1]
    ]
    return [place + 1 for place in places], [best[place] for place in places]


def _axes(figure: Any, number: int) -> list[Any]:
    axes = [figure.add_subplot(1, number, index + 1) for index in range(number)]
    for one in axes:
        one.locator_params(axis="x", nbins=9 // number)
    return axes


def _all(step: Sampled) -> list[float]:
    return [score for scores in step.scores.values() for score in scores]


def _title(step: Sampled) -> str:
    return words.plain(_NAMES[step.step])


def _sampler(kind: str) -> str:
    return _SAMPLERS.get(kind.partition(" ")[0], kind)
