"""The running average of a network's weights over the epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from amer_tf.training.variable_blocks import blocks_of, read


def update_average(average: Sequence[Any], weights: Sequence[Any], decay: float) -> None:
    """Takes the weights of one more epoch into the average: `a <- decay a + (1 - decay) w`.

    Weights that come and go about a minimum are averaged to its middle, which predicts rows that
    are not in the training better than where the last step happens to stand, and better than what
    a cut of the learning rate finds.

    Reference: Izmailov et al., "Averaging weights leads to wider optima and better
    generalization", 2018; Polyak and Juditsky, 1992.

    Args:
        average: Arrays of the average so far, which are changed in place.
        weights: Keras variables; of those that are not of floats the newest value is taken.
        decay: What the past counts, between 0 and 1.
    """
    for past, variable in zip(average, weights, strict=True):
        for rows in blocks_of(variable):
            newest = read(variable, rows)
            if np.issubdtype(past.dtype, np.floating):
                part = past[rows]
                part *= decay
                newest *= 1.0 - decay
                part += newest
            else:
                past[rows] = newest
