"""What the time of a run was spent on."""

from __future__ import annotations

from amer_tf.report import words
from amer_tf.report.markup import Html, drawing, element, joined, paragraph, table
from amer_tf.report.phase_seconds import phase_seconds
from amer_tf.report.run_record import RunRecord
from amer_tf.report.search_cost import cost_sentence
from amer_tf.search.audit import PHASE as AUDIT

_WIDTH, _HEIGHT = 220, 16
# How many times the limit a search may take before it is worth a word.
_BEYOND = 1.1


def phase_times(record: RunRecord) -> Html | None:
    """A table with bars; None where the run kept no times."""
    seconds = phase_seconds(record)
    if not seconds:
        return None
    total, audited = record.result.seconds, record.result.audit_seconds
    longest = max(seconds.values()) or 1.0
    rows = [
        [
            words.PHASES.get(name, words.plain(name)),
            words.duration(spent),
            "" if not total or (name == AUDIT and audited is not None) else f"{spent / total:.0%}",
            _bar(spent / longest, words.duration(spent)),
        ]
        for name, spent in seconds.items()
    ]
    return joined(
        [
            paragraph(
                f"The search took {words.duration(total)}, over all attempts if it was interrupted"
                + ("." if audited is None else f"; its audit took {words.duration(audited)} more.")
                + _beyond_the_limit(record)
            ),
            table(
                "Time by phase, in the order of the phases",
                ["Phase", "Time", "Share of the search", "Longer bars took longer"],
                rows,
            ),
            cost_sentence(record) or "",
        ]
    )


def _beyond_the_limit(record: RunRecord) -> str:
    limit, total = record.config.get("time_limit"), record.result.seconds
    if limit is None or total <= _BEYOND * limit:
        return ""
    return (
        f" The limit was {words.duration(limit)}: what each training begins with, which is to "
        "compile and one epoch, was more than its share of that."
    )


def _bar(share: float, text: str) -> Html:
    width = max(1.0, round(_WIDTH * share, 1))
    bar = element("rect", x=0, y=2, width=width, height=_HEIGHT - 4, rx=3, class_="bar")
    return drawing(_WIDTH, _HEIGHT, text, bar)
