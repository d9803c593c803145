"""What a command prints: people read standard error, programs the last line of the other."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from amer_tf.report import words
from amer_tf.report.audit_verdict import audit_verdict, start_verdict
from amer_tf.search.audit_findings import Audit
from amer_tf.wording import counted, number_text

# Of the columns of a leaderboard, those that are put in other words, and what others are called.
_IN_WORDS = ("system", "training", "parameters", "variant", "architecture")
_HEADERS = {"standard_error": "\N{PLUS-MINUS SIGN}", "ms_1": "ms, 1 row", "ms_256": "ms, 256 rows"}
_GAUC = (
    "gauc is the AUC within each user: the mean over the users with both labels, weighted by their "
    "rows."
)
METRICS = ("hr@1", "hr@5", "ndcg@5", "mrr")


def say(text: str) -> None:
    """Prints a line for people."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def give(text: str) -> None:
    """Prints what was asked for to standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_table(
    title: str,
    columns: Iterable[str],
    rows: Sequence[Sequence[Any]],
    whole: Collection[str] = (),
    right: Collection[str] = (),
) -> None:
    """Prints a table for people; numbers are aligned.

    Args:
        title: Of the table.
        columns: Their names.
        rows: Cells, a row each.
        whole: Columns whose cells are not broken into lines, however narrow the terminal is.
        right: Columns of texts that are aligned as numbers are.
    """
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        is_text = column not in right and any(isinstance(row[index], str) for row in rows)
        table.add_column(
            column,
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=column in whole,
        )
    for row in rows:
        table.add_row(*map(_text, row))
    # What a user has named may look like rich's markup.
    console = Console(file=sys.stderr, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 140
    console.print(table)


def show_leaderboard(table: pd.DataFrame, metrics: Mapping[str, Any]) -> None:
    """Prints a leaderboard in the words of the report, with a star at the result.

    Args:
        table: What `SearchResult.leaderboard` gave, with the architectures.
        metrics: Metrics of one of its models, which say how all were measured.
    """
    rows: list[tuple[Any, ...]] = []
    for row in table.to_dict(orient="records"):
        is_found = row["system"] == words.FOUND
        is_result = is_found and not any(earlier[0] for earlier in rows)
        size = row["parameters"]
        shown = {
            "": "*" if is_result else "",
            "system": row["variant"] if is_found else words.system(row["system"]),
            "how it was trained": words.TRAININGS.get(row["training"], "made by hand"),
            **{
                _HEADERS.get(name) or words.metric(name).label: None if pd.isna(value) else value
                for name, value in row.items()
                if name not in _IN_WORDS
            },
            "parameters": "" if pd.isna(size) else words.size(row["system"], size),
        }
        rows.append(tuple(shown.values()))
    show_table(_how_measured(metrics), list(shown), rows, right=("parameters",))
    say("* is the result; variants are what else was tried out for it.")


def _how_measured(metrics: Mapping[str, Any]) -> str:
    if "mode" not in metrics:
        return f"Validation, {counted(metrics['count'], 'row')}"
    among = "the whole catalogue"
    if metrics["mode"] != "full":
        among = f"{metrics['num_negatives']} {metrics['mode']} negatives"
    return f"Validation, {counted(metrics['count'], 'user')}, each among {among}"


def show_frame(title: str, table: pd.DataFrame) -> None:
    """Prints a data frame as a table."""
    rows = [
        [None if pd.isna(value) else value for value in row]
        for row in table.itertuples(index=False)
    ]
    show_table(title, list(table.columns), rows)


def show_audit(audit: Audit) -> None:
    """Prints what `SearchResult.audit` gave."""
    rows = []
    for step in audit.steps:
        found = step.correlation
        rows.append([step.step, step.measured_by, found.count, step.num_scored, found.tau,
                     found.low, found.high, found.p_value])  # fmt: skip
    if rows:
        names = ("step", "by", "trained", "scored", "tau", "from", "to", "p")
        show_table("Do inherited scores rank what is trained alone? Kendall's tau", names, rows)
    say(audit_verdict(audit))
    start = start_verdict(audit)
    if start is not None:
        say(start)


def show_metrics(title: str, results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints metrics by system and mode of the candidates."""
    rows = [
        [system, mode, *(metrics[name] for name in METRICS), metrics["standard_errors"]["ndcg@5"]]
        for system, by_mode in results.items()
        for mode, metrics in by_mode.items()
    ]
    show_table(title, ("system", "candidates", *METRICS, "standard error of ndcg@5"), rows)


def show_binary_metrics(title: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints metrics of labelled rows by system, and the calibration of the first one."""
    rows = [
        [
            system,
            metrics["auc"],
            metrics["standard_errors"]["auc"],
            metrics["log_loss"],
            metrics["standard_errors"]["log_loss"],
            metrics.get("gauc"),
        ]
        for system, metrics in results.items()
    ]
    names = ("system", "auc", "standard error", "log_loss", "standard error", "gauc")
    show_table(title, names, rows)
    if any(row[-1] is not None for row in rows):
        say(_GAUC)
    first = next(iter(results.values()))
    bins = [[bin["rows"], bin["expected"], bin["observed"]] for bin in first["calibration"]]
    show_table("Calibration, by tenths of the rows", ("rows", "expected", "observed"), bins)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return number_text(value) if isinstance(value, float) else str(value)
