"""How soon the best architecture was found, by each way of sampling."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from amer_tf.report import words
from amer_tf.report.markup import Html, figure
from amer_tf.report.plots import COLORS, plot
from amer_tf.report.run_record import RunRecord
from amer_tf.report.sampled import Sampled, sampled_steps, side_by_side

# Trainings of the supernets of a step, of the one task or the other.
_SUPERNETS = {"behavior": ("behavior_supernet", "supernet"), "mlp": ("mlp_supernet",)}
_LOOKS = {"random": "first", "evolution": "second"}


def best_so_far(records: Sequence[RunRecord]) -> Html | None:
    """The best inherited score after so many architectures; None where nothing was sampled.

    Runs with another sampler stand beside the first where they have its supernet: the scores of
    different supernets cannot be compared.
    """
    panels: dict[str, list[Sampled]] = {}
    for record in records:
        for step in sampled_steps(record):
            if record is records[0] or _same_supernet(step.step, record, records[0]):
                panels.setdefault(step.step, []).append(step)
    if not panels:
        return None

    def draw(figure: Any) -> None:
        for axes, curves in zip(side_by_side(figure, len(panels)), panels.values(), strict=True):
            first = curves[0]
            axes.set_title(first.title)
            axes.set_xlabel("architectures scored")
            axes.set_ylabel(f"best {first.label} so far")
            for step in curves:
                _draw(axes, step)
            axes.legend(fontsize=8)

    ends = "; ".join(
        f"{step.title}, {words.SAMPLERS[_sampler(step)]}: {steps_of(step)[1][-1]:.4f} after "
        f"{len(step.in_order):,}"
        for curves in panels.values()
        for step in curves
    )
    image = plot("best", f"Best inherited score so far. {ends}.", draw, height=2.8)
    caption = (
        "The curve takes a step whenever a better architecture is found. If it is flat for long at "
        "its right end, scoring more of them would have gained little."
    )
    if any(step.num_random < len(step.in_order) for step in panels.get("behavior", [])):
        caption += " Evolution begins at the dotted line, from the random architectures before it."
    if any(len(curves) > 1 for curves in panels.values()):
        caption += " Of two curves, the one that gets to a level further left needed less for it."
    return figure(image, caption)


def _same_supernet(step: str, *records: RunRecord) -> bool:
    """Whether the supernet of a step went through the same epochs in two runs.

    One seed is not enough: under a time limit it depends on the machine how far a supernet gets.
    """
    first, second = (
        (record.seed, record.steps, _losses(record, _SUPERNETS[step])) for record in records
    )
    return first == second and any(losses is not None for _, losses in first[-1])


def _losses(record: RunRecord, names: Sequence[str]) -> list[tuple[str, Any]]:
    return [(name, record.phases.get(name, {}).get("losses")) for name in names]


def steps_of(step: Sampled) -> tuple[list[int], list[float]]:
    """After how many architectures the best changes, and what it is then; the end too."""
    best = list(itertools.accumulate(step.in_order, min if step.lower_is_better else max))
    places = [
        index
        for index in range(len(best))
        if index in (0, len(best) - 1) or best[index] != best[index - 1]
    ]
    return [place + 1 for place in places], [best[place] for place in places]


def _draw(axes: Any, step: Sampled) -> None:
    label = words.SAMPLERS[_sampler(step)]
    color = COLORS[_LOOKS[_sampler(step)]]
    axes.plot(*steps_of(step), drawstyle="steps-post", color=color, alpha=0.85, label=label)
    if 0 < step.num_random < len(step.in_order):
        axes.axvline(step.num_random, color=color, linestyle="dotted", linewidth=1.2)


def _sampler(step: Sampled) -> str:
    return "random" if step.num_random == len(step.in_order) else "evolution"
