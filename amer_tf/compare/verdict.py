"""A comparison in a few sentences: who is first, in what others are, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from amer_tf.compare import limit_effects
from amer_tf.compare.result import ComparisonResult, Measured
from amer_tf.compare.significance import chance_text
from amer_tf.report import words
from amer_tf.wording import counted, number_text

_SURE = 0.05


def verdict(result: ComparisonResult) -> str:
    """Who is first, by how much, and how sure that is; a reference that is ahead is named.

    Who is first by other metrics or candidates, what has failed or is missing, what a time limit
    did, and what one seed cannot tell, is told in the same breath.
    """
    return " ".join([_first(result), *_other_firsts(result), *_reservations(result)])


def _first(result: ComparisonResult) -> str:
    measured = [system for system in result.systems if system.records]
    if not measured:
        return "No system has been measured."
    metric, mode = result.metrics[0], result.modes[0]
    name = words.metric(metric).label + (f" {words.MODES[mode]}" if mode else "")
    first, number = measured[0], len(measured[0].records)
    runs = f"mean of {number} runs" if number > 1 else "one run"
    value = number_text(_mean(first, metric, mode))
    text = f"{first.label} is first: {name} {value} on the test split, {runs}."
    other = _rival(result, first)
    if other is None:
        return text
    gain = result.difference(first, other, metric, mode)
    text += f" It is {number_text(gain.value)} ahead of {other.label}"
    if gain.error is None or gain.p_value is None:
        return f"{text}; how much of that is chance is not known."
    how = "more than chance" if gain.p_value < _SURE else "which may be chance"
    return f"{text} (standard error {number_text(gain.error)}, {_chance(gain.p_value)}), {how}."


def _rival(result: ComparisonResult, first: Measured) -> Measured | None:
    """What the first is to be compared with: the best of the other kind, or the next best."""
    others = [system for system in result.systems if system.records and system is not first]
    unlike = [system for system in others if system.is_searched != first.is_searched]
    return next(iter(unlike or others), None)


def _other_firsts(result: ComparisonResult) -> Iterator[str]:
    """A sentence for each other system that is first by some metric, by candidates."""
    measured = [system for system in result.systems if system.records]
    for mode in result.modes:
        found: dict[str, list[str]] = {}
        for metric in result.metrics:
            best = _best(measured, metric, mode)
            if best is not None:
                found.setdefault(best.label, []).append(
                    _by(result, best, measured[0], metric, mode)
                )
        for label, parts in found.items():
            among = words.MODES[mode].capitalize() if mode else "On the same rows"
            yield f"{among} {label} is first by {', by '.join(parts)}."


def _best(measured: list[Measured], metric: str, mode: str | None) -> Measured | None:
    """The best system by a metric; None where that is the first one, or as good."""
    sign = -1.0 if words.metric(metric).lower_is_better else 1.0
    best = max(measured, key=lambda system: sign * _mean(system, metric, mode), default=None)
    is_other = best is not None and (
        sign * _mean(best, metric, mode) > sign * _mean(measured[0], metric, mode)
    )
    return best if is_other else None


def _by(
    result: ComparisonResult, best: Measured, first: Measured, metric: str, mode: str | None
) -> str:
    """How far one is ahead of another by a metric."""
    values = [number_text(_mean(system, metric, mode)) for system in (best, first)]
    gain = result.difference(best, first, metric, mode)
    sure = "how much is chance is not known"
    if gain.p_value is not None:
        how = "more than chance" if gain.p_value < _SURE else "maybe chance"
        sure = f"{_chance(gain.p_value)}, {how}"
    return f"{words.metric(metric).label} ({values[0]}, {first.label} {values[1]}; {sure})"


def _mean(system: Measured, metric: str, mode: str | None) -> float:
    return float(np.mean(system.values(metric, mode)))


def _chance(p_value: float) -> str:
    text = chance_text(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _reservations(result: ComparisonResult) -> Iterator[str]:
    failed = [system.label for system in result.systems if system.failures]
    if failed:
        yield f"Runs that failed, and do not count: of {', '.join(failed)}."
    missing = missing_runs(result)
    if missing:
        parts = [f"{counted(number, 'run')} of {label}" for label, number in missing.items()]
        yield f"Not trained yet: {', '.join(parts)}; the same command goes on with them."
    numbers = {system.label: len(system.records) for system in result.systems if system.records}
    if len(set(numbers.values())) > 1:
        parts = [f"{label} {number}" for label, number in numbers.items()]
        yield f"The systems have different numbers of runs: {', '.join(parts)}."
    yield from limit_effects.reservations(
        {system.label: system.records for system in result.systems}, result.config["time_limit"]
    )
    if 1 in numbers.values():
        yield (
            "Of one run it is not known how much its seed gave it: another one may give another "
            "order."
        )


def missing_runs(result: ComparisonResult) -> dict[str, int]:
    """How many runs of each system are neither measured nor failed, where there are any."""
    asked = len(result.config["seeds"])
    found = {
        system.label: asked - len(system.records) - len(system.failures)
        for system in result.systems
    }
    return {label: number for label, number in found.items() if number > 0}
