"""Results of a comparison as Markdown, in the layout of the paper's Tables 1 to 4."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from amer_tf.compare.audits import audits
from amer_tf.compare.result import ComparisonResult, Measured, deviation
from amer_tf.report import words

TABLES_FILE = "tables.md"
# In the order of the paper's tables, and what those have not.
_METRICS = ("auc", "log_loss", "hr@1", "hr@5", "ndcg@5", "mrr")


def markdown(result: ComparisonResult) -> str:
    """All tables: metrics by system as in the paper, then each system with its costs."""
    parts = [verdict(result), *_by_metric(result), _by_system(result)]
    parts += [*_audits(result), *_failures(result)]
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


def verdict(result: ComparisonResult) -> str:
    """Who is first, by how much, and how sure that is; a reference that is ahead is named.

    What has failed, and what one seed cannot tell, is told in the same breath.
    """
    return " ".join([_first(result), *_reservations(result)])


def _reservations(result: ComparisonResult) -> list[str]:
    sentences = []
    failed = [system.label for system in result.systems if system.failures]
    if failed:
        sentences.append(f"Runs that failed, and do not count: of {', '.join(failed)}.")
    cut = [
        system.label
        for system in result.systems
        if any("cut_after" in record for record in system.records)
    ]
    if cut:
        sentences.append(
            f"The time limit ended trainings of {', '.join(cut)}: to their end they may be better."
        )
    if any(len(system.records) == 1 for system in result.systems):
        sentences.append(
            "Of one run it is not known how much its seed gave it: another one may give another "
            "order."
        )
    return sentences


def _first(result: ComparisonResult) -> str:
    measured = [system for system in result.systems if system.records]
    if not measured:
        return "No system has been measured."
    metric, mode = result.metrics[0], result.modes[0]
    name = words.metric(metric).label + (f" {words.MODES[mode]}" if mode else "")
    first = measured[0]
    runs = f"{len(first.records)} {'run' if len(first.records) == 1 else 'runs'}"
    value = np.mean(first.values(metric, mode))
    text = f"{first.label} is first: {name} {value:.4f} on the test split, mean of {runs}."
    other = _rival(result, first)
    if other is None:
        return text
    gain = result.difference(first, other, metric, mode)
    text += f" It is {gain.value:.4f} ahead of {other.label}"
    if gain.error is None or gain.p_value is None:
        return f"{text}; how much of that is chance is not known."
    how = "more than chance" if gain.p_value < 0.05 else "which may be chance"
    return f"{text} (standard error {gain.error:.4f}, p = {gain.p_value:.2g}), {how}."


def _rival(result: ComparisonResult, first: Measured) -> Measured | None:
    """What the first is to be compared with: the best of the other kind, or the next best."""
    others = [system for system in result.systems if system.records and system is not first]
    unlike = [system for system in others if system.is_searched != first.is_searched]
    return next(iter(unlike or others), None)


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
                else "failed"
                for system in order
            ]
            rows.append([words.metric(metric).label, *cells])
        title = words.MODES[mode].capitalize() if mode else "Test split"
        tables.append(f"{title}:\n\n{table(['', *(system.label for system in order)], rows)}")
    return tables


def _cell(values: Sequence[float], is_best: bool) -> str:
    mean = f"{np.mean(values):.4f}"
    spread = deviation(values)
    return (f"**{mean}**" if is_best else mean) + ("" if spread is None else f" ± {spread:.4f}")


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
            error = "" if gain.error is None else f" ± {gain.error:.4f}"
            chance = "" if gain.p_value is None else f"{gain.p_value:.2g}"
            row += [f"{gain.value:+.4f}{error}", chance]
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
