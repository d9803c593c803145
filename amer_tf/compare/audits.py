"""What the audits of searches say, with the hand-made system of the comparison beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from amer_tf.compare.result import ComparisonResult, Measured
from amer_tf.compare.systems import kind_of
from amer_tf.report.audit import NAMES
from amer_tf.report.audit_verdict import (
    audit_verdict,
    left_out_sentence,
    start_verdict,
    step_sentence,
)
from amer_tf.search.audit_findings import Audit, Score, cut_at, num_tried, score_of
from amer_tf.search.state import RunFolder

_AMONG = "the systems that this comparison has trained"


def audits(result: ComparisonResult) -> dict[str, list[str]]:
    """The sentences on the audit of each searched system, by its label; of those that have one."""
    return {
        system.label: [text for text in (*_verdict(found), *_details(found.audit)) if text]
        for system, found in _audited(result)
    }


def verdicts(result: ComparisonResult) -> dict[str, str]:
    """Whether each audited search gained anything, in short, by the name of its system."""
    return {
        system.name: " ".join(text for text in _verdict(found) if text)
        for system, found in _audited(result)
    }


class _Audited(NamedTuple):
    """The audit of a search.

    Attributes:
        known: What the record of the search says of it.
        audit: What it found, beside its hand-made system; None where it found nothing.
        best: The same beside the best hand-made system, where that is another one, and ahead.
    """

    known: Mapping[str, Any]
    audit: Audit | None = None
    best: Audit | None = None


def _audited(result: ComparisonResult) -> Iterator[tuple[Measured, _Audited]]:
    """Searched systems that were audited, and their audits."""
    for system in result.systems:
        for record in system.records:
            known, seed = record.get("audit"), record["seed"]
            if known and "metric" in known:
                audit = _with_reference(result, Audit.from_dict(known), seed)
                yield system, _Audited(known, audit, _with_best(result, audit, seed))
            elif known:
                yield system, _Audited(known)


def _verdict(found: _Audited) -> list[str | None]:
    """The one sentence of an audit, and what it lacks."""
    failure = _failure(found.known)
    if found.audit is None:
        return [failure]
    text = audit_verdict(found.audit, _AMONG, found.best)
    return [text, failure or left_out_sentence(found.audit)]


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
    kind = audit.reference_name
    systems = [system for system in result.systems if kind_of(system.name) == kind]
    best = _best_of(systems, audit, seed)
    if best is not None:
        return _beside(result, audit, best)
    failures = [system.failures[seed] for system in systems if seed in system.failures]
    failure = "it has not been trained yet" if systems else None
    if failures:
        failure = f"its training failed: {failures[0]}"
    return dataclasses.replace(audit, reference=None, reference_failure=failure)


def _with_best(result: ComparisonResult, audit: Audit, seed: int) -> Audit | None:
    """The audit with the best hand-made system of all, by validation, as its reference.

    None where that is the audit's own, or not ahead of what the search found.
    """
    systems = [system for system in result.systems if not system.is_searched]
    best = _best_of(systems, audit, seed)
    if best is None or best["system"] == audit.reference_name:
        return None
    ahead = _validation(best, audit).value > (audit.found or audit.result).value
    return _beside(result, audit, best) if ahead else None


def _best_of(systems: Sequence[Measured], audit: Audit, seed: int) -> dict[str, Any] | None:
    """The record with the best validation score of those with such a seed."""
    records = [each for system in systems for each in system.records if each["seed"] == seed]
    return max(records, key=lambda record: _validation(record, audit).value, default=None)


def _validation(record: Mapping[str, Any], audit: Audit) -> Score:
    return score_of(record["validation"], audit.metric)


def _beside(result: ComparisonResult, audit: Audit, record: Mapping[str, Any]) -> Audit:
    """The audit with the hand-made system of a record as its reference."""
    kind = kind_of(record["system"])
    run = RunFolder(result.folder / record["run_dir"], read_only=True)
    return dataclasses.replace(
        audit,
        reference=_validation(record, audit),
        reference_name=record["system"],
        reference_cut_at=cut_at(run.phases(), kind, audit.epochs),
        reference_tried=num_tried(run.trials(), kind),
        reference_trials=result.num_trials(record["system"]),
        reference_failure=None,
    )
