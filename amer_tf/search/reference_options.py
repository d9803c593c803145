"""What some references are built with beside the sizes: found by a search of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from amer_tf.search import cross_search, pair_selection
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock

PHASE = "references"
# Beside the file of the model.
OPTIONS_FILE = "reference_{name}.json"

# From the workbench, the clock, the name of the search, the training split and the seconds it may
# take over all attempts, to arguments of the system's `build`.
_Search = Callable[[CtrWorkbench, PhaseClock, str, Any, float | None], dict[str, Any]]


def find_options(
    bench: CtrWorkbench, clock: PhaseClock, system: str, train: Any, parts: int
) -> Mapping[str, Any]:
    """Searches what a system is built with, once a run; nothing for those that need no search.

    The outcome stands in the run folder as `OPTIONS_FILE`, written whole when it is complete.

    Args:
        bench: Rates and sizes.
        clock: Deadlines; that of the phase `PHASE` has been decided.
        system: Name of the system.
        train: Training split.
        parts: How many searches and trainings share what is left of the phase.

    Returns: Arguments of the system's `build`.

    Raises:
        TrainingError: Where the search fails.
    """
    if system not in _SEARCHES:
        return {}
    file, name = OPTIONS_FILE.format(name=system), f"options_{system}"
    found = bench.run.read_json(file)
    if found is None:
        limit = clock.training_limit(name, PHASE, parts)
        found = _SEARCHES[system](bench, clock, name, train, limit)
        bench.run.write_json(file, found)
        clock.finish(name)
    bench.run.remove_checkpoint(name)
    return found


def _find_crosses(
    bench: CtrWorkbench, clock: PhaseClock, name: str, train: Any, time_limit: float | None
) -> dict[str, Any]:
    """Crosses that are found until the limit; a killed attempt begins again in what is left."""
    record = bench.run.phases().get(name, {})
    if "begun" not in record:
        bench.run.record_phase(name, begun=clock.budget.used)
        record = bench.run.phases()[name]

    def is_over() -> bool:
        clock.keep(name)
        return time_limit is not None and clock.budget.used - record["begun"] >= time_limit

    return cross_search.select(bench, train, is_over)


_SEARCHES: Mapping[str, _Search] = {
    "autocross": _find_crosses,
    "autofis": pair_selection.select,
}
