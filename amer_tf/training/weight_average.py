"""The running average of a network's weights over the epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_BLOCK = 1 << 20


def update_average(average: Sequence[Any], weights: Sequence[Any], decay: float) -> None:
    """Takes the weights of one more epoch into the average: `a <- decay a + (1 - decay) w`.

    Weights that come and go about a minimum are averaged to its middle, which predicts rows that
    are not in the training better than where the last step happens to stand, and better than what
    a cut of the learning rate finds.

    Reference: Izmailov et al., "Averaging weights leads to wider optima and better
    generalization", 2018; Polyak and Juditsky, 1992.

    Args:
        average: Arrays of the average so far, which are changed in place.
        weights: Arrays; those that are not of floats are not averaged, the newest is taken.
        decay: What the past counts, 0 for the newest weights alone.
    """
    for past, new in zip(average, weights, strict=True):
        if not decay or not np.issubdtype(past.dtype, np.floating):
            np.copyto(past, new)
            continue
        flat, other = past.reshape(-1), new.reshape(-1)
        # In blocks: no third copy of a large table.
        for start in range(0, flat.size, _BLOCK):
            part = flat[start : start + _BLOCK]
            part *= decay
            part += (1.0 - decay) * other[start : start + _BLOCK]
