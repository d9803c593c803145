"""Which events of each user train, and which are asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class SequenceSplit:
    """A split of sequences: training takes the first events of a user, evaluation later ones.

    Args:
        train_length: int64 `[users]`: how many of a user's first events train.
        validation: int64 `[examples, 2]`: user, and index of the asked event in his sequence;
            his history is what stands before it.
        test: Likewise.
    """

    train_length: IntArray
    validation: IntArray
    test: IntArray


def leave_one_out(lengths: IntArray) -> SequenceSplit:
    """Splits sequences of these lengths by `splits.LeaveOneOut`."""
    users = np.flatnonzero(lengths >= 3)
    train_length = lengths.copy()
    train_length[users] -= 2
    return SequenceSplit(
        train_length,
        np.stack([users, lengths[users] - 2], axis=1),
        np.stack([users, lengths[users] - 1], axis=1),
    )


def by_time(lengths: IntArray, before_validation: IntArray, before_test: IntArray) -> SequenceSplit:
    """Splits sequences in the order of time by `splits.ByTime`.

    A user is asked for his first event of a period, if he has one and a history before the
    period: all of that history is earlier than the event.

    Args:
        lengths: Events of each user.
        before_validation: How many of them lie before the first moment.
        before_test: How many lie before the second.
    """
    asked = np.flatnonzero((before_test > before_validation) & (before_validation > 0))
    tested = np.flatnonzero((lengths > before_test) & (before_test > 0))
    return SequenceSplit(
        before_validation,
        np.stack([asked, before_validation[asked]], axis=1),
        np.stack([tested, before_test[tested]], axis=1),
    )
