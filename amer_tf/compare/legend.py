"""How the tables of a comparison are to be read, in sentences."""

from __future__ import annotations

from amer_tf.compare.result import ComparisonResult
from amer_tf.report import words

SPREAD = (
    "Means over the runs, ± their standard deviation; a single run has none. It is the spread from "
    "one seed to the next, and no error of the mean."
)
GAIN = (
    "The gain is how much better a system is than the best hand-made one on the same examples, ± "
    "its standard error, over the examples and over the runs; of a loss, how much lower. p is the "
    "chance of a difference as large, either way, between systems that are equally good. Many "
    "systems are set beside one here: of twenty that are as good as it, one has a p below 0.05."
)
COSTS = (
    "Parameters have embeddings in them; LightGBM's parameters are its trees. The time of a "
    "training is that of a whole run, of a search all of it, without what measures it on the test "
    "split. Milliseconds are those of a call of the exported model on this machine, with nothing "
    "beside it, the median of a second's calls."
)


def metrics(result: ComparisonResult) -> str:
    """What each metric measures."""
    meanings = [words.metric(name) for name in result.metrics]
    return "; ".join(f"{each.label} is {each.meaning}" for each in meanings) + "."


def cost_notes(result: ComparisonResult) -> list[str]:
    """What the times of runs cannot be set beside others for."""
    shared: dict[int, list[str]] = {}
    for system in result.systems:
        for number in sorted({each.get("workers", 1) for each in system.records} - {1}):
            shared.setdefault(number, []).append(system.label)
    notes = [
        f"Runs of {', '.join(labels)} went {number} at a time and shared the cores: how long they "
        "took depends on what ran beside them, and cannot be set beside runs that had all cores."
        for number, labels in sorted(shared.items())
    ]
    resumed = [
        system.label
        for system in result.systems
        if any(each.get("resumed") for each in system.records)
    ]
    if resumed:
        notes.append(
            f"Runs of {', '.join(resumed)} were interrupted and went on later: their times hold "
            "what was done twice, or lack what was lost, and are no measure."
        )
    return notes
