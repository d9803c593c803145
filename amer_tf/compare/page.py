"""A comparison as one page that needs nothing but a browser."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from amer_tf.compare.audits import audits
from amer_tf.compare.result import ComparisonResult, Measured, deviation
from amer_tf.compare.tables import latency_notes, verdict, without_latency
from amer_tf.report import words
from amer_tf.report.document import Section, document, title_of
from amer_tf.report.markup import (
    Estimate,
    Html,
    NumberText,
    element,
    figure,
    joined,
    paragraph,
    table,
)
from amer_tf.report.plots import COLORS, import_matplotlib, plot

REPORT_FILE = "report.html"


def write_page(result: ComparisonResult, data: Mapping[str, Any] | None = None) -> pathlib.Path:
    """Writes `report.html` into the folder of a comparison.

    Args:
        result: The comparison.
        data: What is known of the data, as in the `data.json` of a run folder; None for nothing.

    Raises:
        MissingPackageError: Where matplotlib is not installed.
        RunError: Where a file is damaged or cannot be written.
    """
    import_matplotlib()
    text = page(result, data or {})
    with result.run.staged(REPORT_FILE) as file:
        file.write_text(text, encoding="utf-8")
    return result.run.path / REPORT_FILE


def page(result: ComparisonResult, data: Mapping[str, Any]) -> str:
    """The whole page as HTML."""
    number = len(result.config["seeds"])
    seeds = f"{number} {'seed' if number == 1 else 'seeds'}"
    return document(
        title_of("Comparison", data.get("dataset")),
        f"{len(result.systems)} systems, {seeds}, the same rows, recipe and budget for all.",
        element("div", paragraph(verdict(result), class_="headline"), class_="verdict"),
        [
            *(Section(f"test-{mode or 'rows'}", _title(mode), _metrics(result, mode))
              for mode in result.modes),
            Section("seeds", "Each seed by itself", _seeds(result)),
            Section("gains", "Gain over the best system made by hand", _gains(result)),
            Section("audits", "Was the search worth it", _audits(result)),
            Section("costs", "Size and costs", _costs(result)),
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
    meanings = "; ".join(
        f"{words.metric(metric).label} is {words.metric(metric).meaning}"
        for metric in result.metrics
    )
    return joined(
        [
            table(_title(mode), ["System", "Runs", *names], rows, _found(systems)),
            paragraph(f"Means over the runs, ± their standard deviation. {meanings}."),
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
                chance = None if gain.p_value is None else NumberText(f"{gain.p_value:.2g}")
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
            paragraph(
                "How much better a system is than the best hand-made one on the same examples, ± "
                "its standard error, over the examples and over the runs; of a loss, how much "
                "lower. p is the chance of a difference as large, either way, between systems that "
                "are equally good. Many systems are set beside one here: of twenty that are as "
                "good as it, one has a p below 0.05."
            ),
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
            paragraph(
                "The time of a run has all of it, of a search too. Milliseconds are those of a "
                "call of the exported model on this machine, with nothing beside it. LightGBM's "
                "parameters are its trees."
            ),
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
    rows = [
        [system.label, _settings(system.records[0]["changed"]), result.num_trials(system.name)]
        for system in systems
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


def _settings(changed: Mapping[str, float]) -> str:
    named = [f"{words.plain(name)} {value:g}" for name, value in changed.items()]
    return ", ".join(named) or "those of the preset"


def _recipe(result: ComparisonResult, data: Mapping[str, Any]) -> Html:
    config = result.config
    rows = [
        ["Seeds", ", ".join(map(str, config["seeds"]))],
        ["Time limit of a run", _limit(config["time_limit"])],
        ["Data", str(data.get("data_dir", "not recorded"))],
        ["Checksum of the data", str(data.get("digest", "not recorded"))],
        ["Version of amer_tf", str(config["version"])],
    ]
    if result.spec.task == "next_item":
        candidates = config["candidates"]
        text = f"{candidates['num_negatives']} frozen negatives, seed {candidates['seed']}"
        rows.append(["Candidates", text])
    settings = [[name, str(value)] for name, value in config["settings"].items()]
    own = [
        [name, ", ".join(f"{setting} = {value}" for setting, value in values.items())]
        for name, values in config.get("own", {}).items()
    ]
    tables = [table("All runs", ["What", "Value"], rows)]
    if own:
        tables.append(table("What some systems have of their own", ["System", "Settings"], own))
    return joined(
        [
            *tables,
            element(
                "details",
                element("summary", "All settings"),
                table("Settings", ["Name", "Value"], settings),
            ),
        ]
    )


def _limit(seconds: float | None) -> str:
    return "none" if seconds is None else words.duration(seconds)
