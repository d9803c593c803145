"""Tables of systems: on the validation split, and on other splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amer_tf.report import words
from amer_tf.report.cut_short import cut_short
from amer_tf.report.markup import (
    Estimate,
    Html,
    NumberText,
    details,
    element,
    joined,
    paragraph,
    table,
)
from amer_tf.report.run_record import REFERENCE, RunRecord, architecture_of
from amer_tf.report.words import FOUND
from amer_tf.search.trials import score_of
from amer_tf.wording import counted

_TRAINED_ANEW = ("scratch", "final")


def leaderboard(record: RunRecord) -> Html:
    """The model of the run, the best of each way of training, what was trained anew, references."""
    shown = list({trial["kind"]: trial for trial in reversed(record.models)}.values())
    shown += [trial for trial in record.of(*_TRAINED_ANEW) if trial not in shown]
    shown += record.references.values()
    shown.sort(key=score_of, reverse=True)
    everything = sorted([*record.models, *record.references.values()], key=score_of, reverse=True)
    best = record.best
    return joined(
        [
            paragraph(_how_it_was_measured(record)),
            _board("Systems by validation score, the best first", record, shown, best),
            paragraph(
                "± is one standard error: how much a score would differ on another sample of the "
                f"same size.{_flattery(len(record.models))}"
            ),
            details(
                f"{counted(len(everything), 'model')} in all, scored on the whole validation split",
                _board("All models, the best first", record, everything, best, architectures=True),
            ),
            _glossary(record),
        ]
    )


def _how_it_was_measured(record: RunRecord) -> str:
    metrics = record.metrics["validation"]
    count = int(metrics.get("count", 0))
    if record.task == "ctr":
        return f"Measured on the {counted(count, 'row')} of the validation split."
    mode = metrics.get("mode")
    among = (
        "the whole catalogue"
        if mode == "full"
        else f"{metrics.get('num_negatives')} {words.MODES.get(mode, mode).removeprefix('among ')}"
    )
    return (
        f"Measured on the {counted(count, 'user')} of the validation split: the true next item is "
        f"ranked among {among}."
    )


def _flattery(number: int) -> str:
    """What it means that the result is the best of so many models."""
    if number == 1:
        return ""
    return (
        f" The scores of the found network are the best of {number}, so they flatter it a little; "
        "the test split, which chose nothing, does not."
    )


def _board(
    caption: str,
    record: RunRecord,
    trials: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    architectures: bool = False,
) -> Html:
    names = record.result.METRICS
    headers = ["System", "How it was trained", *(words.metric(name).label for name in names)]
    latencies = [record.latency_of(trial) for trial in trials]
    measured = list(dict.fromkeys(rows for latency in latencies for rows in latency))
    headers += [f"ms, {words.rows(rows)}" for rows in measured]
    headers += ["Parameters", *(["Architecture"] if architectures else [])]
    cut, rows = cut_short(record), []
    for trial, latency in zip(trials, latencies, strict=True):
        is_reference = trial["kind"] == REFERENCE
        row = [
            words.system(trial["name"]) if is_reference else variant(record, trial),
            _by_hand(cut.get(trial["name"]))
            if is_reference
            else words.TRAININGS.get(trial["kind"], trial["kind"]),
            *(_estimate(trial["metrics"], name) for name in names),
            *(latency.get(rows) for rows in measured),
            _size(trial),
        ]
        if architectures:
            row.append("" if is_reference else str(architecture_of(trial)))
        rows.append(row)
    marked = [number for number, trial in enumerate(trials) if trial == best][:1]
    return table(caption, headers, rows, marked)


def _by_hand(where: str | None) -> str:
    return "made by hand" + ("" if where is None else f", cut short after {where}")


def variant(record: RunRecord, trial: Mapping[str, Any]) -> str:
    """What was found, or in what an architecture differs from it."""
    return words.variant(architecture_of(trial), record.architecture)


def _estimate(metrics: Mapping[str, Any], name: str) -> Estimate:
    errors = metrics.get("standard_errors") or {}
    return Estimate(float(metrics[name]), errors.get(name))


def _size(trial: Mapping[str, Any]) -> Any:
    if trial["parameters"] is None:
        return None
    return NumberText(words.size(trial.get("name", FOUND), trial["parameters"]))


def _glossary(record: RunRecord) -> Html:
    """What the metrics and the systems are."""
    entries = []
    for metric in map(words.metric, record.result.METRICS):
        better = "lower" if metric.lower_is_better else "higher"
        entries.append((metric.label, f"{metric.meaning}; {better} is better"))
    entries += [words.SYSTEMS[name] for name in record.references if name in words.SYSTEMS]
    parts = [part for term, text in entries for part in (element("dt", term), element("dd", text))]
    return details("What these metrics and systems are", element("dl", *parts))


def evaluations(record: RunRecord) -> Html | None:
    """What `amer evaluate` recorded; None where it recorded nothing."""
    parts = []
    for place, systems in record.evaluations().items():
        shown = {
            name: metrics
            for name, metrics in systems.items()
            if set(record.result.METRICS) <= set(metrics)
        }
        lower = words.metric(record.ranked_by).lower_is_better
        order = sorted(shown, key=lambda name: shown[name][record.ranked_by], reverse=not lower)
        if not order:
            continue
        count = int(next(iter(shown.values())).get("count", 0))
        unit = "row" if record.task == "ctr" else "user"
        title = f"{words.plain(words.place(place))}: {counted(count, unit)}"
        parts.append(
            table(
                title,
                ["System", *(words.metric(name).label for name in record.result.METRICS)],
                [
                    [
                        words.system(name),
                        *(_estimate(shown[name], metric) for metric in record.result.METRICS),
                    ]
                    for name in order
                ],
                [number for number, name in enumerate(order) if name == FOUND],
            )
        )
    if not parts:
        return None
    return joined(
        [
            paragraph(
                "The test split took no part in training or in any choice, so these numbers are "
                "the ones to expect of the model in use. ± is one standard error."
            ),
            *parts,
        ]
    )
