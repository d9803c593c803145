"""What the time of a run was spent on."""

from __future__ import annotations

from amer_tf.report import words
from amer_tf.report.markup import Html, drawing, element, joined, paragraph, table
from amer_tf.report.run_record import RunRecord
from amer_tf.report.search_cost import cost_sentence
from amer_tf.search.audit import PHASE as AUDIT

_WIDTH, _HEIGHT = 220, 16


def phase_seconds(record: RunRecord) -> dict[str, float]:
    """Seconds of each phase, in the order in which the phases ended.

    The record of a phase says how much of the run's time was used at its end, over all attempts.
    """
    ends = {
        name: float(phase["used"])
        for name, phase in record.phases.items()
        if "used" in phase and _is_whole(name, record)
    }
    seconds, before = {}, 0.0
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        seconds[name] = end - before
        before = end
    return seconds


def _is_whole(name: str, record: RunRecord) -> bool:
    """Whether a record is of a phase, and not of a training in one."""
    if name in words.PHASES:
        return True
    parts = tuple(f"{other}_" for other in words.PHASES)
    return bool(record.phases[name].get("done")) and not name.startswith(parts)


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
            ),
            table(
                "Time by phase, in the order of the phases",
                ["Phase", "Time", "Share of the search", "Longer bars took longer"],
                rows,
            ),
            cost_sentence(record) or "",
        ]
    )


def _bar(share: float, text: str) -> Html:
    width = max(1.0, round(_WIDTH * share, 1))
    bar = element("rect", x=0, y=2, width=width, height=_HEIGHT - 4, rx=3, class_="bar")
    return drawing(_WIDTH, _HEIGHT, text, bar)
