"""What the audits of searches say, with the hand-made system of the comparison beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from amer_tf.compare.result import ComparisonResult, Measured
from amer_tf.compare.systems import kind_of
from amer_tf.report.audit import NAMES
from amer_tf.report.audit_verdict import (
    audit_verdict,
    left_out_sentence,
    start_verdict,
    step_sentence,
)
from amer_tf.search.audit_findings import Audit, cut_at, num_tried, score_of
from amer_tf.search.state import RunFolder

_AMONG = "the systems that this comparison has trained"


def audits(result: ComparisonResult) -> dict[str, list[str]]:
    """The sentences on the audit of each searched system, by its label; of those that have one."""
    return {
        system.label: [text for text in (*_verdict(record, audit), *_details(audit)) if text]
        for system, record, audit in _audited(result)
    }


def verdicts(result: ComparisonResult) -> dict[str, str]:
    """Whether each audited search gained anything, in short, by the name of its system."""
    return {
        system.name: " ".join(text for text in _verdict(record, audit) if text)
        for system, record, audit in _audited(result)
    }


def _audited(
    result: ComparisonResult,
) -> Iterator[tuple[Measured, Mapping[str, Any], Audit | None]]:
    """Searched systems, what their records say of an audit, and what it found if anything."""
    for system in result.systems:
        for record in system.records:
            known = record.get("audit")
            if known:
                audit = Audit.from_dict(known) if "metric" in known else None
                yield system, known, audit and _with_reference(result, audit, record["seed"])


def _verdict(known: Mapping[str, Any], audit: Audit | None) -> list[str | None]:
    """The one sentence of an audit, and what it lacks."""
    failure = _failure(known)
    if audit is None:
        return [failure]
    return [audit_verdict(audit, _AMONG), failure or left_out_sentence(audit)]


def _details(audit: Audit | None) -> list[str | None]:
    if audit is None:
        return []
    steps = (f"{NAMES[step.step]}: {step_sentence(step)}" for step in audit.steps)
    return [start_verdict(audit), *steps]


def _failure(known: Mapping[str, Any]) -> str | None:
    """Why an audit failed, or failed when it was to be larger; None where it did not."""
    if "reason" not in known:
        return None
    number, reason = known["number"], str(known["reason"]).rstrip(".")
    text = f"The audit of {number} architectures a step failed: {reason}."
    return text if known.get("is_final") else f"{text} The same command tries it again."


def _with_reference(result: ComparisonResult, audit: Audit, seed: int) -> Audit:
    """The audit with its hand-made system as this comparison trained it, with the same seed.

    Of variants of that system it is the best one by the validation split.
    """
    kind, metric = audit.reference_name, audit.metric
    systems = [system for system in result.systems if kind_of(system.name) == kind]
    records = [each for system in systems for each in system.records if each["seed"] == seed]
    if not records:
        failures = [system.failures[seed] for system in systems if seed in system.failures]
        failure = "it has not been trained yet" if systems else None
        if failures:
            failure = f"its training failed: {failures[0]}"
        return dataclasses.replace(audit, reference=None, reference_failure=failure)
    best = max(records, key=lambda record: score_of(record["validation"], metric).value)
    run = RunFolder(result.folder / best["run_dir"], read_only=True)
    return dataclasses.replace(
        audit,
        reference=score_of(best["validation"], metric),
        reference_name=best["system"],
        reference_cut_at=cut_at(run.phases(), kind, audit.epochs),
        reference_tried=num_tried(run.trials(), kind),
        reference_trials=result.num_trials(best["system"]),
    )
