"""The running average of a network's weights over the epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def updated_average(
    average: Sequence[Any] | None, weights: Sequence[Any], decay: float
) -> list[Any]:
    """The average with the weights of one more epoch: `a <- decay a + (1 - decay) w`.

    Weights that come and go about a minimum are averaged to its middle, which predicts rows that
    are not in the training better than where the last step happens to stand, and better than what
    a cut of the learning rate finds.

    Reference: Izmailov et al., "Averaging weights leads to wider optima and better
    generalization", 2018; Polyak and Juditsky, 1992.

    Args:
        average: The average so far, or None before the first epoch.
        weights: Arrays; those that are not of floats are not averaged, the newest is taken.
        decay: What the past counts, 0 for the newest weights alone.
    """
    if average is None or not decay:
        return list(weights)
    return [
        decay * past + (1.0 - decay) * new if np.issubdtype(new.dtype, np.floating) else new
        for past, new in zip(average, weights, strict=True)
    ]
