"""How the supernets and the final trainings went, epoch by epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from amer_tf.report import words
from amer_tf.report.markup import Html, figure, joined
from amer_tf.report.plots import COLORS, plot, shared_legend
from amer_tf.report.run_record import TUNING, RunRecord
from amer_tf.report.words import FOUND
from amer_tf.wording import counted

_ROUND = "interaction_round_"
# More than these would be covered by a legend among them.
_FEW_CURVES = 4
# Fewer than these show no bend.
_ENOUGH_EPOCHS = 3
# So many epochs have a tick each.
_FEW_EPOCHS = 8


class Curve(NamedTuple):
    """A number for each epoch.

    Attributes:
        label: What it is, for the legend.
        values: The numbers.
        group: Curves of one group look alike: `"first"`, `"second"`, `"third"` or `"quiet"`.
        start: Number of the first epoch.
    """

    label: str
    values: list[float]
    group: str = "first"
    start: int = 1


class Panel(NamedTuple):
    """Curves on the same axes."""

    title: str
    axis: str
    curves: list[Curve]


def learning_curves(record: RunRecord) -> Html | None:
    """Diagrams of supernets and final trainings; None where no curve was kept."""
    parts = []
    panels = supernet_panels(record)
    if panels:
        parts.append(
            figure(
                _plot("supernets", "Learning curves of the supernets", panels),
                f"Each point is one pass over the training data. {_long_enough(panels)} The "
                "supernet's scores are what the search ranks candidates by.",
            )
        )
    panels = final_panels(record)
    if panels:
        parts.append(
            figure(
                _plot("trainings", "Learning curves of the final trainings", panels),
                "Each point is one pass over the training data; lower is better. Training loss "
                "that falls while validation loss rises means that the model learns its training "
                "rows by heart: the weights of the lowest validation loss are kept.",
            )
        )
    return joined(parts) if parts else None


def _long_enough(panels: Sequence[Panel]) -> str:
    """What curves say of whether a training was long enough, if they have epochs enough for it."""
    enough = [len(curve.values) >= _ENOUGH_EPOCHS for panel in panels for curve in panel.curves]
    if not any(enough):
        return "These are too few epochs to tell whether the training was long enough."
    flat = "A curve that has flattened out at its right end was trained long enough."
    if all(enough):
        return flat
    return f"{flat} Curves of one or two points have too few epochs to tell."


def supernet_panels(record: RunRecord) -> list[Panel]:
    """What is known of the supernets, one panel for each."""
    panels = []
    # Of task next_item, and of task ctr.
    means = _first(record, "curve", "supernet", "behavior")
    if means:
        label, values = words.metric(record.ranked_by).label, _numbers(means)
        if max(values) <= 0.0:
            label, values = words.metric("log_loss").label, [-value for value in values]
        curve = Curve("mean over sampled networks", values)
        panels.append(Panel("Behaviour supernet, validation", label, [curve]))
    losses = _first(record, "losses", "supernet", "behavior_supernet")
    if losses:
        curve = Curve("training loss", _numbers(losses))
        panels.append(Panel("Behaviour supernet, training", "training loss", [curve]))
    rounds = _rounds(record)
    if rounds:
        panels.append(Panel("Interactions, round by round", "training loss", rounds))
    losses = _first(record, "losses", "mlp_supernet")
    if losses:
        curve = Curve("training loss", _numbers(losses))
        panels.append(Panel("MLP supernet, training", "training loss", [curve]))
    return panels


def _first(record: RunRecord, key: str, *names: str) -> list[Any]:
    """What the first of some phases that has it holds."""
    found = (record.phases.get(name, {}).get(key) for name in names)
    return next((values for values in found if values), [])


def _rounds(record: RunRecord) -> list[Curve]:
    """The rounds of step 2, one after another."""
    curves: list[Curve] = []
    numbers = [name[len(_ROUND) :] for name in record.phases if name.startswith(_ROUND)]
    start = 1
    for number in sorted(map(int, filter(str.isdecimal, numbers))):
        losses = _numbers(record.phases[f"{_ROUND}{number}"].get("losses", []))
        if losses:
            group = ("first", "second")[number % 2]
            curves.append(Curve(f"round {number + 1}", losses, group, start))
            start += len(losses)
    return curves


def final_panels(record: RunRecord) -> list[Panel]:
    """Validation and training losses of the trainings that ended in a model."""
    trainings = [*_references(record), *_own(record)]
    panels = []
    for key, title in (("curve", "Validation log loss"), ("losses", "Training loss")):
        curves = [
            Curve(label, _numbers(record.phases[name][key]), group)
            for name, label, group in trainings
            if record.phases[name].get(key)
        ]
        if curves:
            panels.append(Panel(title, title.lower().replace("log loss", "log loss"), curves))
    return panels


def _own(record: RunRecord) -> list[tuple[str, str, str]]:
    """Name of the phase, label and group of the trainings of what was found."""
    kinds = {
        "scratch": ("found, from new weights", "first"),
        "finetuning": ("found, from inherited weights", "second"),
        "final": ("found, longer", "third"),
    }
    names = [
        name for name in record.phases if re.fullmatch(r"(scratch|finetuning)_\d+|final", name)
    ]
    found = [(name, *kinds[name.partition("_")[0]]) for name in names]
    tried = _best_tried(record, FOUND)
    return [*found, (tried, "what was found so far (tried out)", "third")] if tried else found


def _references(record: RunRecord) -> list[tuple[str, str, str]]:
    found = []
    for system in record.references:
        for name in (f"reference_{system}", system, _best_tried(record, system)):
            if name is not None and name in record.phases:
                found.append((name, f"{words.system(system)}, made by hand", "quiet"))
                break
    return found


def _best_tried(record: RunRecord, system: str) -> str | None:
    """The phase of the best training of a system that was tried out."""
    trials = [trial for trial in record.of(TUNING) if trial["system"] == system]
    if not trials:
        return None
    best = max(trials, key=lambda trial: float(trial["score"]))
    name = f"{best['setting']}_{system}_{best['value']:g}"
    return name if name in record.phases else None


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(value) for value in values]


def _plot(name: str, description: str, panels: Sequence[Panel]) -> Html:
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)

    def draw(figure: Any) -> None:
        for index, panel in enumerate(panels, 1):
            axes = figure.add_subplot(rows, columns, index)
            axes.set_title(panel.title)
            axes.set_xlabel("epoch")
            axes.set_ylabel(panel.axis)
            _draw_curves(axes, panel.curves)
            _set_epochs(axes, panel.curves)
        many = [
            axes
            for axes, panel in zip(figure.axes, panels, strict=True)
            if len(panel.curves) > _FEW_CURVES
        ]
        shared_legend(figure, many, loc="outside lower left", ncols=3)

    return plot(name, _in_words(description, panels), draw, height=2.8 * rows + 0.3)


def _set_epochs(axes: Any, curves: Sequence[Curve]) -> None:
    """Ticks at whole epochs."""
    first = min(curve.start for curve in curves)
    last = max(curve.start + len(curve.values) - 1 for curve in curves)
    if last - first < _FEW_EPOCHS:
        axes.set_xticks(range(first, last + 1))
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_curves(axes: Any, curves: Sequence[Curve]) -> None:
    quiet = ("solid", "dashed", "dotted", "dashdot", (0, (1, 3)))
    num_quiet, known = 0, set()
    for curve in curves:
        style: Any = "solid"
        label = curve.label
        if curve.group == "quiet":
            style = quiet[num_quiet % len(quiet)]
            num_quiet += 1
        elif curve.label in known:
            label = "_"  # matplotlib leaves it out of the legend
        known.add(curve.label)
        epochs = range(curve.start, curve.start + len(curve.values))
        axes.plot(
            epochs,
            curve.values,
            label=label,
            color=COLORS[curve.group],
            linestyle=style,
            linewidth=1.2 if curve.group == "quiet" else 1.8,
            marker="o" if len(curve.values) < _ENOUGH_EPOCHS else None,
            markersize=4,
        )
    if 1 < len(curves) <= _FEW_CURVES:
        axes.legend(fontsize=8)


def _in_words(description: str, panels: Sequence[Panel]) -> str:
    parts = [
        f"{panel.title}, {curve.label}: {_course(curve.values)}"
        for panel in panels
        for curve in panel.curves
    ]
    return f"{description}. {'; '.join(parts)}."


def _course(values: Sequence[float]) -> str:
    epochs = counted(len(values), "epoch")
    if len(values) == 1:
        return f"{values[0]:.4f} after {epochs}"
    return f"from {values[0]:.4f} to {values[-1]:.4f} in {epochs}"
