"""The report: one page that needs nothing beside itself."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from amer_tf.architecture import HiddenLayer
from amer_tf.report import words
from amer_tf.report.architecture_drawing import behavior_picture, mlp_picture
from amer_tf.report.audit import audit_section
from amer_tf.report.best_so_far import best_so_far
from amer_tf.report.data_counts import data_counts
from amer_tf.report.document import Section, document, title_of
from amer_tf.report.interactions import interactions
from amer_tf.report.leaderboard import evaluations, leaderboard
from amer_tf.report.learning_curves import learning_curves
from amer_tf.report.markup import Html, details, element, joined, paragraph
from amer_tf.report.phase_times import phase_times
from amer_tf.report.plots import import_matplotlib
from amer_tf.report.reference_choices import reference_choices
from amer_tf.report.reproduce import reproduce
from amer_tf.report.run_record import RunRecord
from amer_tf.report.runs import require_comparable
from amer_tf.report.sampled import distribution
from amer_tf.report.seeds import over_seeds
from amer_tf.report.trade_off import trade_off
from amer_tf.report.verdict import verdict
from amer_tf.search.result import SearchResult
from amer_tf.wording import counted

REPORT_FILE = "report.html"


def write_report(
    results: Sequence[SearchResult], data: Mapping[str, Any] | None = None
) -> pathlib.Path:
    """Writes `report.html` into the folder of the first run.

    Args:
        results: A finished run, and others of the same data with other seeds or steps.
        data: What is known of the data, as in the `data.json` of a run folder; None takes that
            file.

    Raises:
        MissingPackageError: Where matplotlib is not installed.
        RunError: Where a file is damaged or cannot be written, or runs do not belong together.
    """
    import_matplotlib()
    records = [RunRecord(result, data) for result in results]
    require_comparable(records)
    text = page(records)
    run = results[0].run
    run.write(REPORT_FILE, lambda stream: _write(stream, text))
    return run.path / REPORT_FILE


def page(records: Sequence[RunRecord]) -> str:
    """The whole page as HTML; all but the spread over seeds is about the first run."""
    record = records[0]
    return document(
        title_of("Search report", record.data.get("dataset")),
        _kind(record),
        verdict(records),
        _sections(records),
        str(record.config.get("version", "")),
    )


def _kind(record: RunRecord) -> str:
    task = {
        "next_item": "Which item a user takes next",
        "ctr": "How likely a row has label 1",
    }.get(record.task, record.task)
    steps = [words.STEPS.get(step, step) for step in record.steps]
    number = words.step_numbers(record.steps)
    return (
        f"{task}. Searched: {', '.join(steps)} (AMER-{number}, as the paper numbers these steps)."
        f"{_stand_ins(record)} Seed {record.seed}."
    )


def _stand_ins(record: RunRecord) -> str:
    """What the result has in place of what was searched, as a sentence; empty where nothing."""
    found = record.architecture
    has_blocks = any(block.layer != "zero" for block in found.blocks)
    kept = {
        "behavior": "" if has_blocks else "no blocks",
        "interaction": "" if found.interactions else "no interactions",
        "mlp": "the predefined MLP" if found.mlp == _predefined_mlp(record) else "",
    }
    parts = [kept[step] for step in record.steps if kept.get(step)]
    return f" The result has {' and '.join(parts)} in place of what was searched." if parts else ""


def _predefined_mlp(record: RunRecord) -> tuple[HiddenLayer, ...]:
    """The MLP that stands in for step 3, see `CtrProgram`."""
    name = "behavior_units" if record.spec.with_role("behavior") else "hidden_units"
    units = record.config["settings"].get(name, ())
    return tuple(HiddenLayer("relu", units=number) for number in units)


def _sections(records: Sequence[RunRecord]) -> list[Section]:
    record = records[0]
    return [
        Section("found", "What was found", _found(record)),
        Section("leaderboard", "Leaderboard", leaderboard(record)),
        Section("test", "On data that took no part", evaluations(record)),
        Section("seeds", "Over several seeds", over_seeds(records)),
        Section("interactions", "Interactions", _interactions(record)),
        Section("scores", "Inherited scores", distribution(record)),
        Section("audit", "Did the search gain anything?", audit_section(record)),
        Section("best-so-far", "How soon the best was found", best_so_far(records)),
        Section("curves", "Learning curves", learning_curves(record)),
        Section("trade-off", "Quality against size", trade_off(record)),
        Section("time", "Where the time went", phase_times(record)),
        Section("data", "Data", data_counts(record)),
        Section("reproduce", "How to get it again", reproduce(record)),
    ]


def _found(record: RunRecord) -> Html:
    architecture = record.architecture
    has_target = record.task == "ctr" and bool(record.spec.with_role("target"))
    pictures = {
        "Behaviour network": behavior_picture(architecture, has_target),
        "MLP": mlp_picture(architecture, bool(record.spec.with_role("behavior"))),
    }
    parts = [_in_short(record)]
    for title, picture in pictures.items():
        if picture is not None:
            parts += [element("h3", title), picture]
    text = element("pre", element("code", architecture.to_json()))
    return joined([*parts, details("The architecture as JSON", text)])


def _interactions(record: RunRecord) -> Html | None:
    """Those that the search found, and what hand-made systems chose; None where there are none."""
    parts = [part for part in (interactions(record), reference_choices(record)) if part]
    return joined(parts) if parts else None


def _in_short(record: RunRecord) -> Html:
    architecture, best = record.architecture, record.best
    used = sum(block.layer != "zero" for block in architecture.blocks)
    parts = []
    if architecture.blocks:
        blocks = counted(len(architecture.blocks), "block")
        parts.append(f"{used} of {blocks} to read the history")
    if architecture.interactions:
        parts.append(counted(len(architecture.interactions), "interaction"))
    if architecture.mlp:
        parts.append(f"an MLP of {counted(len(architecture.mlp), 'hidden layer')}")
    what = ", ".join(parts) or "neither blocks nor interactions"
    training = words.TRAININGS.get(best["kind"], best["kind"])
    text = (
        f"The found model has {what}; {best['parameters']:,} parameters in all, embeddings "
        f"included. Its weights: {training}."
    )
    if "behavior" in record.steps and not architecture.blocks:
        text += (
            " It has no blocks, though they were searched: without them, the history summed up and "
            "attended to as it is, the model predicted better."
        )
    return paragraph(text)


def _write(stream: Any, text: str) -> None:
    stream.write(text.encode())
