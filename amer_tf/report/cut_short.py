"""Which hand-made systems a time limit did not let train to their end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from amer_tf.report import words
from amer_tf.report.run_record import RunRecord
from amer_tf.search.audit_findings import cut_at
from amer_tf.wording import counted

TREES = "lightgbm"
_OWN = re.compile(r"(scratch|finetuning)_\d+|final")


def cut_short(record: RunRecord) -> dict[str, str]:
    """After what each of them was cut short, as in `"1 epoch"`, by its name.

    Task ctr trains until the validation loss no longer falls: none that was ended before is a fair
    rival. Task next_item has a schedule that ends with the time: one with fewer epochs than what
    was found is none.
    """
    epochs = None
    if record.task == "next_item":
        own = [phase for name, phase in record.phases.items() if _OWN.fullmatch(name)]
        epochs = max((phase.get("epoch", 0) for phase in own), default=0)
    found = {name: cut_at(record.phases, name, epochs) for name in record.references}
    return {name: after(name, number) for name, number in found.items() if number is not None}


def after(name: str, number: int) -> str:
    """Where a training stood, in words."""
    return counted(number, "tree" if name == TREES else "epoch")


def cut_short_sentence(cut: Mapping[str, str]) -> str | None:
    """The same as a sentence; None where there is nothing to say."""
    if not cut:
        return None
    parts = [f"{words.system(name)} after {where}" for name, where in cut.items()]
    return (
        f"The time limit ended trainings of systems made by hand: {', '.join(parts)}. Trained to "
        "their end they may be better: they are fair rivals with a longer limit, or by `amer "
        "compare`, which gives the whole of it to each."
    )


def left_out_sentence(record: RunRecord) -> str | None:
    """Which systems the limit left no time at all; None where there are none."""
    names: Sequence[str] = record.phases.get("references", {}).get("left_out", ())
    if not names:
        return None
    return (
        f"The time limit left no time for {', '.join(map(words.system, names))}: with a longer one "
        "they stand here too."
    )
