"""A comparison as one page that needs nothing but a browser."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from amer_tf.compare import legend, limit_effects, recipe
from amer_tf.compare.audits import audits
from amer_tf.compare.command import command, prepare_command
from amer_tf.compare.result import ComparisonResult, Measured, deviation
from amer_tf.compare.significance import chance_text
from amer_tf.compare.tables import latency_notes, without_latency
from amer_tf.compare.verdict import verdict
from amer_tf.report import words
from amer_tf.report.document import Section, document, title_of
from amer_tf.report.markup import (
    Estimate,
    Html,
    NumberText,
    details,
    element,
    figure,
    joined,
    paragraph,
    table,
)
from amer_tf.report.plots import COLORS, import_matplotlib, plot
from amer_tf.report.reproduce import code, described, text_of
from amer_tf.report.run_record import DATA_FILE
from amer_tf.wording import counted

REPORT_FILE = "report.html"


def write_page(result: ComparisonResult, data: Mapping[str, Any] | None = None) -> pathlib.Path:
    """Writes `report.html` into the folder of a comparison.

    Args:
        result: The comparison.
        data: What is known of the data, as in the `data.json` of a run folder; None takes that
            of the comparison's folder, if there is one.

    Raises:
        MissingPackageError: Where matplotlib is not installed.
        RunError: Where a file is damaged or cannot be written.
    """
    import_matplotlib()
    text = page(result, data or result.run.read_json(DATA_FILE) or {})
    with result.run.staged(REPORT_FILE) as file:
        file.write_text(text, encoding="utf-8")
    return result.run.path / REPORT_FILE


def page(result: ComparisonResult, data: Mapping[str, Any]) -> str:
    """The whole page as HTML."""
    systems = counted(len(result.systems), "system")
    seeds = counted(len(result.config["seeds"]), "seed")
    return document(
        title_of("Comparison", data.get("dataset")),
        f"{systems}, {seeds}, {recipe.what_is_the_same(result)}.",
        element("div", paragraph(verdict(result), class_="headline"), class_="verdict"),
        [
            *(Section(f"test-{mode or 'rows'}", _title(mode), _metrics(result, mode))
              for mode in result.modes),
            Section("seeds", "Each seed by itself", _seeds(result)),
            Section("gains", "Gain over the best system made by hand", _gains(result)),
            Section("audits", "Was the search worth it", _audits(result)),
            Section("costs", "Size and costs", _costs(result)),
            Section("limit", "What the time limit has changed", _limit(result)),
            Section("failures", "What failed", _failures(result)),
            Section("tuned", "Settings that were tuned", _tuned(result)),
            Section("recipe", "Recipe", _recipe(result, data)),
        ],
        str(result.config.get("version", "")),
    )  # fmt: skip


def _title(mode: str | None) -> str:
    return "Test split" + (f", {words.MODES[mode]}" if mode else "")


def _measured(result: ComparisonResult) -> list[Measured]:
    return [system for system in result.systems if system.records]


def _found(systems: list[Measured]) -> list[int]:
    return [number for number, system in enumerate(systems) if system.is_searched]


def _metrics(result: ComparisonResult, mode: str | None) -> Html | None:
    systems = _measured(result)
    if not systems:
        return None
    rows = [
        [
            system.label,
            len(system.records),
            *(_spread(system.values(metric, mode)) for metric in result.metrics),
        ]
        for system in systems
    ]
    names = [words.metric(metric).label for metric in result.metrics]
    return joined(
        [
            table(_title(mode), ["System", "Runs", *names], rows, _found(systems)),
            paragraph(f"{legend.SPREAD} {legend.metrics(result)}"),
        ]
    )


def _spread(values: list[float]) -> Estimate:
    return Estimate(float(np.mean(values)), deviation(values))


def _seeds(result: ComparisonResult) -> Html | None:
    """A mark for each run, and the mean: what differs by chance alone is seen at once."""
    systems = _measured(result)[::-1]
    if not systems:
        return None
    metric, mode = result.metrics[0], result.modes[0]

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, system in enumerate(systems):
            values = system.values(metric, mode)
            color = COLORS["first" if system.is_searched else "second"]
            axes.scatter(values, [place] * len(values), color=color, alpha=0.6, s=30)
            axes.scatter([np.mean(values)], [place], color=COLORS["ink"], marker="|", s=160)
        axes.set_yticks(range(len(systems)), [system.label for system in systems])
        axes.set_xlabel(f"test {words.metric(metric).label}")

    means = "; ".join(
        f"{system.label} {np.mean(system.values(metric, mode)):.4f}" for system in systems[::-1]
    )
    image = plot(
        "seeds",
        f"{words.metric(metric).label} of each run by system. Means: {means}.",
        draw,
        height=0.9 + 0.28 * len(systems),
    )
    return figure(image, "Each dot is a run, each bar the mean of a system; right is better.")


def _gains(result: ComparisonResult) -> Html | None:
    reference, systems = result.best_reference, _measured(result)
    if reference is None or len(systems) < 2:
        return None
    rows: list[list[Any]] = []
    others = [system for system in systems if system is not reference]
    for system in others:
        row: list[Any] = [system.label]
        for mode in result.modes:
            for metric in result.metrics:
                gain = result.difference(system, reference, metric, mode)
                chance = None if gain.p_value is None else NumberText(chance_text(gain.p_value))
                row += [Estimate(gain.value, gain.error), chance]
        rows.append(row)
    names = [
        f"{words.metric(metric).label}{f' ({mode})' if mode else ''}"
        for mode in result.modes
        for metric in result.metrics
    ]
    headers = ["System", *(header for name in names for header in (name, "p"))]
    return joined(
        [
            table(f"Over {reference.label}", headers, rows, _found(others)),
            paragraph(legend.GAIN),
        ]
    )


def _audits(result: ComparisonResult) -> Html | None:
    parts: list[Html] = []
    for name, sentences in audits(result).items():
        parts += [element("h3", name), *map(paragraph, sentences)]
    return joined(parts) if parts else None


def _costs(result: ComparisonResult) -> Html | None:
    systems = _measured(result)
    rows = [
        [
            system.label,
            None if (size := system.mean("parameters")) is None else round(size),
            None if (time := system.mean("seconds")) is None else words.duration(time),
            _milliseconds(system, 1),
            _milliseconds(system, 256),
        ]
        for system in systems
    ]
    headers = ["System", "Parameters", "Time of a run", "1 row, ms", "256 rows, ms"]
    return joined(
        [
            table("Means over the runs", headers, rows, _found(systems)),
            *map(paragraph, [legend.COSTS, *legend.cost_notes(result)]),
            *(
                paragraph(f"{name} has no latency: {reason}.")
                for name, reason in without_latency(result).items()
            ),
            *(
                paragraph(f"The latency of {name} is that of {note}.")
                for name, note in latency_notes(result).items()
            ),
        ]
    )


def _milliseconds(system: Measured, rows: int) -> NumberText | None:
    found = system.latency(rows)
    return None if found is None else NumberText(f"{found:.2f}")


def _limit(result: ComparisonResult) -> Html | None:
    found = limit_effects.details({system.label: system.records for system in result.systems})
    rows = [[label, str(seed), text] for label, seed, text in found]
    caption = f"Runs that the limit of {recipe.limit_text(result)} has changed"
    return table(caption, ["System", "Seed", "How"], rows) if rows else None


def _failures(result: ComparisonResult) -> Html | None:
    rows = [
        [system.label, str(seed), reason]
        for system in result.systems
        for seed, reason in system.failures.items()
    ]
    rows += [
        [system.label, f"trial {number} of its tuning", reason]
        for system in result.systems
        for number, reason in result.failed_trials(system.name).items()
    ]
    return table("Runs that came to nothing", ["System", "Seed", "Why"], rows) if rows else None


def _tuned(result: ComparisonResult) -> Html | None:
    if not result.config.get("tuning_trials"):
        return None
    systems = _measured(result)
    chosen = recipe.chosen_settings(result)
    rows = [
        [system.label, chosen[system.label], result.num_trials(system.name)] for system in systems
    ]
    return joined(
        [
            table("Chosen settings", ["System", "Settings", "Trained"], rows, _found(systems)),
            paragraph(
                "Each system was trained as many times with the first seed as the table says, and "
                "has the settings with the best score on the validation split; those of the preset "
                "were tried first. What has no settings to choose was trained once."
            ),
        ]
    )


def _recipe(result: ComparisonResult, data: Mapping[str, Any]) -> Html:
    settings = [[name, text_of(value)] for name, value in result.config["settings"].items()]
    own = list(map(list, recipe.own_settings(result).items()))
    facts = list(map(list, recipe.facts(result, data)))
    parts = [table("All runs", ["What", "Value"], facts)]
    if own:
        parts.append(table("What some systems have of their own", ["System", "Settings"], own))
    parts.append(details("All settings", table("Settings", ["Name", "Value"], settings)))
    return joined([*parts, *_again(result, data)])


def _again(result: ComparisonResult, data: Mapping[str, Any]) -> list[Html]:
    """The commands that prepare the data and make the comparison."""
    own, prepared = command(result, data), prepare_command(data)
    if own is None:
        return [paragraph(recipe.ONLY_PYTHON)]
    description = data.get("description")
    return [
        paragraph("How to get it again:"),
        *([code(prepared)] if prepared else []),
        *([described(description)] if description else []),
        code(own),
    ]
