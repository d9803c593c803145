"""Results of a comparison as Markdown, in the layout of the paper's Tables 1 to 4."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from amer_tf.compare import legend, limit_effects, recipe
from amer_tf.compare.audits import audits
from amer_tf.compare.command import command, prepare_command
from amer_tf.compare.result import ComparisonResult, deviation
from amer_tf.compare.significance import chance_text
from amer_tf.compare.verdict import verdict
from amer_tf.report import words
from amer_tf.report.run_record import DATA_FILE
from amer_tf.wording import number_text

TABLES_FILE = "tables.md"
# In the order of the paper's tables, and what those have not.
_METRICS = ("auc", "log_loss", "hr@1", "hr@5", "ndcg@5", "mrr")


def markdown(result: ComparisonResult) -> str:
    """All tables, to be read alone: metrics by system as in the paper, costs, the recipe."""
    parts = [verdict(result), *_by_metric(result)]
    if any(system.records for system in result.systems):
        parts.append(f"{legend.SPREAD} The best of a row is bold. {legend.metrics(result)}")
    parts += [_by_system(result), " ".join([legend.GAIN, legend.COSTS])]
    parts += [*_notes(result), *_audits(result), *_failures(result), *_recipe(result)]
    return "\n\n".join(parts) + "\n"


def write_tables(result: ComparisonResult) -> pathlib.Path:
    """Writes `tables.md` into the folder of a comparison.

    Raises:
        RunError: Where a file is damaged or cannot be written.
    """
    text = markdown(result)
    with result.run.staged(TABLES_FILE) as file:
        file.write_text(text, encoding="utf-8")
    return result.run.path / TABLES_FILE


def _by_metric(result: ComparisonResult) -> list[str]:
    """One table for each mode of the candidates: a column a system, a row a metric."""
    # As in the paper hand-made systems come first, each in the place that it was given.
    given = result.config["systems"]
    order = sorted(
        result.systems, key=lambda system: (system.is_searched, given.index(system.name))
    )
    metrics = sorted(result.metrics, key=_METRICS.index)
    tables = []
    for mode in result.modes:
        rows = []
        for metric in metrics:
            means = {
                system.name: float(np.mean(system.values(metric, mode)))
                for system in order
                if system.records
            }
            pick = min if words.metric(metric).lower_is_better else max
            best = pick(means.values(), default=None)
            cells = [
                _cell(system.values(metric, mode), means[system.name] == best)
                if system.records
                else ("failed" if system.failures else "not yet")
                for system in order
            ]
            rows.append([words.metric(metric).label, *cells])
        title = words.MODES[mode].capitalize() if mode else "Test split"
        tables.append(f"{title}:\n\n{table(['', *(system.label for system in order)], rows)}")
    return tables


def _cell(values: Sequence[float], is_best: bool) -> str:
    mean = number_text(float(np.mean(values)))
    spread = deviation(values)
    error = "" if spread is None else f" ± {number_text(spread)}"
    return (f"**{mean}**" if is_best else mean) + error


def _by_system(result: ComparisonResult) -> str:
    """Each system with its gain over the best hand-made one, and what it costs."""
    metric, mode = result.metrics[0], result.modes[0]
    reference = result.best_reference
    headers = ["system", "runs", words.metric(metric).label]
    if reference is not None:
        headers += [f"gain over {reference.label}", "p"]
    headers += ["parameters", "training, s", "call of 1 row, ms", "of 256 rows, ms"]
    rows = []
    for system in result.systems:
        if not system.records:
            continue
        row = [system.label, str(len(system.records)), _cell(system.values(metric, mode), False)]
        if reference is system:
            row += ["", ""]
        elif reference is not None:
            gain = result.difference(system, reference, metric, mode)
            error = "" if gain.error is None else f" ± {number_text(gain.error)}"
            chance = "" if gain.p_value is None else chance_text(gain.p_value)
            sign = "+" if gain.value >= 0.0 else ""
            row += [f"{sign}{number_text(gain.value)}{error}", chance]
        row += [
            _number(system.mean("parameters"), ",.0f"),
            _number(system.mean("seconds"), ",.0f"),
            _number(system.latency(1), ".2f"),
            _number(system.latency(256), ".2f"),
        ]
        rows.append(row)
    return f"Gain, size and costs:\n\n{table(headers, rows)}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _notes(result: ComparisonResult) -> list[str]:
    """What the times of runs are no measure for, and what a time limit has done to runs."""
    found = limit_effects.details({system.label: system.records for system in result.systems})
    lines = [f"- {label}, seed {seed}: {text}" for label, seed, text in found]
    limit = recipe.limit_text(result)
    changed = [f"What the time limit of {limit} has changed:\n\n" + "\n".join(lines)]
    return [*legend.cost_notes(result), *(changed if lines else [])]


def _audits(result: ComparisonResult) -> list[str]:
    lines = [f"- {name}: {' '.join(texts)}" for name, texts in audits(result).items()]
    return ["Was the search worth it:\n\n" + "\n".join(lines)] if lines else []


def _failures(result: ComparisonResult) -> list[str]:
    lines = [
        f"- {system.label}, seed {seed}: {reason}"
        for system in result.systems
        for seed, reason in system.failures.items()
    ]
    lines += [
        f"- {system.label}, trial {number} of its tuning: {reason}"
        for system in result.systems
        for number, reason in result.failed_trials(system.name).items()
    ]
    parts = ["Failed:\n\n" + "\n".join(lines)] if lines else []
    lines = [f"- {name}: {reason}" for name, reason in without_latency(result).items()]
    if lines:
        parts.append("Without a latency:\n\n" + "\n".join(lines))
    lines = [f"- {name}: {note}" for name, note in latency_notes(result).items()]
    return [*parts, *(["Calls that were timed:\n\n" + "\n".join(lines)] if lines else [])]


def _recipe(result: ComparisonResult) -> list[str]:
    """What it was made with, and how it is made again."""
    data = result.run.read_json(DATA_FILE) or {}
    parts = [f"Recipe:\n\n{table(['what', 'value'], recipe.facts(result, data))}"]
    for title, settings in (
        ("Settings of their own", recipe.own_settings(result)),
        ("Settings that tuning has chosen", recipe.chosen_settings(result)),
    ):
        lines = [f"- {label}: {text}" for label, text in settings.items()]
        parts += [f"{title}:\n\n" + "\n".join(lines)] if lines else []
    own, prepared = command(result, data), prepare_command(data)
    if own is None:
        return [*parts, recipe.ONLY_PYTHON]
    lines = [text for text in (prepared, own) if text is not None]
    parts.append("How to get it again:\n\n```\n" + "\n".join(lines) + "\n```")
    if "description" in data:
        parts.append(f"DESCRIPTION_FILE is `description` in `{DATA_FILE}` beside this file.")
    return parts


def latency_notes(result: ComparisonResult) -> dict[str, str]:
    """Of what the latency of a system is that is not exported, by its label."""
    notes = {system.label: system.latency_note for system in result.systems}
    return {label: note for label, note in notes.items() if note is not None}


def without_latency(result: ComparisonResult) -> dict[str, str]:
    """Why systems have no latency, by their labels."""
    return {
        system.label: system.without_latency
        for system in result.systems
        if system.without_latency is not None
    }


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars in its cells are escaped."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
