"""The time between an event of a log and the one before it, as a field of the histories."""

from __future__ import annotations

import numpy as np

from amer_tf.features import Normalization, NumericField
from data_pipelines.errors import DataError
from data_pipelines.event_log import MOMENT, Sequences
from data_pipelines.sources import HISTORY_PREFIX

GAP_FIELD = HISTORY_PREFIX + "gap"


def gap_field(name: str = GAP_FIELD) -> NumericField:
    """A numeric behaviour field for the time between each event and its user's event before it.

    It belongs to the event alone, whatever row the event is read for, so it is stored once.

    Its logarithm is normalised. A year and a second are then about as far from half an hour, where
    beside a year of seconds half an hour would be all but 0; nothing needs to be clipped, and
    float32 keeps 1800 seconds from 1801.
    """
    return NumericField(name, "behavior", Normalization(log=True))


def asked_gap(history_gap: bool, task: str = "ctr") -> list[NumericField]:
    """What the option `history_gap` of a data set adds to its fields: one of them or none.

    Raises:
        DataError: Where it is neither true nor false, or true for another task than ctr.
    """
    if type(history_gap) is not bool:
        raise DataError(
            f"`history_gap` must be true or false. Received: history_gap={history_gap!r}"
        )
    if history_gap and task != "ctr":
        raise DataError(
            "`history_gap` is an option of task ctr, whose histories are a log of their own. "
            f"Received: history_gap=True, task={task!r}"
        )
    return [gap_field()] if history_gap else []


def write_gaps(sequences: Sequences, name: str) -> None:
    """Writes into the member `name` how much later each event is than its user's event before it.

    Events of one moment have a gap of 0, and the first one of a user a missing number, NaN.
    """
    offsets = sequences.offsets
    for first, last in sequences.user_ranges():
        start, end = int(offsets[first]), int(offsets[last])
        rows = sequences.rows[start:end]
        gaps = np.diff(rows[MOMENT], prepend=np.nan)
        begins = offsets[first:last] - start
        # A user without events begins where the next one does, or behind all.
        gaps[begins[begins < len(gaps)]] = np.nan
        rows[name] = gaps
