"""The architectures that were scored with inherited weights: how good, and which were chosen."""

from __future__ import annotations

from typing import Any, NamedTuple

from amer_tf.architecture import Architecture
from amer_tf.report import words
from amer_tf.report.markup import Html, figure, joined, paragraph
from amer_tf.report.plots import COLORS, plot
from amer_tf.report.run_record import SAMPLED, RunRecord, architecture_of
from amer_tf.search.samplers import RANDOM
from amer_tf.search.trials import RESCORED

_NAMES = {"behavior": "behaviour networks", "mlp": "MLPs"}
_GROUPS = ("first", "second", "third")


class Sampled(NamedTuple):
    """What was sampled in one step.

    Attributes:
        step: Name of the step.
        label: What the scores are, as in the axis of a diagram.
        lower_is_better: Whether they are losses.
        scores: By kind of trial.
        in_order: All of them, in the order of the log.
        chosen: Scores of those that were scored again on all validation data.
        found: The score of the one that the result has, if it is among them.
    """

    step: str
    label: str
    lower_is_better: bool
    scores: dict[str, list[float]]
    in_order: list[float]
    chosen: list[float]
    found: float | None

    @property
    def name(self) -> str:
        """What was sampled, for people."""
        return _NAMES[self.step]

    @property
    def title(self) -> str:
        """The same at the beginning of a sentence."""
        return words.plain(self.name)

    @property
    def num_random(self) -> int:
        """How many were drawn at random."""
        return sum(len(scores) for kind, scores in self.scores.items() if kind.startswith(RANDOM))


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
        again = record.of("inherited", RESCORED)
        rescored = {_gene(step, architecture_of(trial)) for trial in again}
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
                [sign * float(trial["score"]) for trial in trials],
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
        for axes, step in zip(side_by_side(figure, len(steps)), steps, strict=True):
            axes.set_title(step.title)
            axes.set_xlabel(f"validation {step.label} with inherited weights")
            axes.set_ylabel("architectures")
            _draw_histogram(axes, step)

    counts = ", ".join(
        f"{step.title}: {len(step.in_order):,} scored, {len(step.chosen)} scored again, "
        f"from {min(step.in_order):.4f} to {max(step.in_order):.4f}"
        for step in steps
    )
    image = plot("scores", f"Distribution of inherited scores. {counts}.", draw, height=3.0)
    sides = {step.name: "left" if step.lower_is_better else "right" for step in steps}
    better = " and ".join(f"{side} is better for {name}" for name, side in sides.items())
    if len(set(sides.values())) == 1:
        better = f"{next(iter(sides.values()))} is better"
    has_line = any(step.found is not None for step in steps)
    line = ", the upright line the one in the found model" if has_line else ""
    return joined(
        [
            figure(
                image,
                f"The higher a bar, the more architectures have that score; {better}. The ticks "
                "under the bars are those that were scored again on all validation data"
                f"{line}.",
            ),
            *(paragraph(_note(record, step)) for step in steps),
        ]
    )


def _note(record: RunRecord, step: Sampled) -> str:
    if step.found is None:
        other = "no blocks" if step.step == "behavior" else "the predefined MLP"
        if step.step == "mlp" and not _has_predefined_mlp(record):
            return (
                f"{step.title}: the found model has none of these, but one that stands in where "
                "the predefined MLP is over a limit."
            )
        return (
            f"{step.title}: the found model has none of these, but {other}, which predicted "
            "better on the whole validation split."
        )
    worse = sum(
        score > step.found if step.lower_is_better else score < step.found
        for score in step.in_order
    )
    return (
        f"{step.title}: the one in the found model is better than {worse:,} of the "
        f"{len(step.in_order):,} that were scored, at {step.found:.4f} with inherited weights."
    )


def _has_predefined_mlp(record: RunRecord) -> bool:
    """Whether the model of the run has the MLP that the settings give, and no step has found."""
    reads_behavior = bool(record.spec.with_role("behavior"))
    units = record.config["settings"]["behavior_units" if reads_behavior else "hidden_units"]
    return [layer.units for layer in record.architecture.mlp] == list(units)


def _draw_histogram(axes: Any, step: Sampled) -> None:
    everything = step.in_order
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


def side_by_side(figure: Any, number: int) -> list[Any]:
    """So many axes in a row, with few enough numbers below each."""
    axes = [figure.add_subplot(1, number, index + 1) for index in range(number)]
    for one in axes:
        one.locator_params(axis="x", nbins=9 // number)
    return axes


def _sampler(kind: str) -> str:
    return "drawn at random" if kind.startswith(RANDOM) else "by evolution"
