"""How long each phase of a run took."""

from __future__ import annotations

from amer_tf.report import words
from amer_tf.report.run_record import RunRecord
from amer_tf.search.latencies import PHASE as LATENCIES


def phase_seconds(record: RunRecord) -> dict[str, float]:
    """Seconds of each phase, in the order in which the phases ended.

    The record of a phase says how much of the run's time was used at its end, over all attempts.
    Latencies are measured in the middle of other phases, of whose time that is no part.
    """
    ends = {
        name: float(phase["used"])
        for name, phase in record.phases.items()
        if "used" in phase and name != LATENCIES and _is_whole(name, record)
    }
    seconds, before = {}, 0.0
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        seconds[name] = end - before - latency_seconds(record, before, end)
        before = end
    if LATENCIES in record.phases:
        seconds[LATENCIES] = latency_seconds(record)
    return seconds


def latency_seconds(record: RunRecord, start: float = 0.0, end: float = float("inf")) -> float:
    """What was spent on latencies between two moments of the run."""
    intervals = record.phases.get(LATENCIES, {}).get("intervals", [])
    overlaps = (min(end, last) - max(start, first) for first, last in intervals)
    return sum(max(0.0, overlap) for overlap in overlaps)


def _is_whole(name: str, record: RunRecord) -> bool:
    """Whether a record is of a phase, and not of a training in one."""
    if name in words.PHASES:
        return True
    parts = tuple(f"{other}_" for other in words.PHASES)
    return bool(record.phases[name].get("done")) and not name.startswith(parts)
