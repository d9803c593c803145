"""The slope and the intercept with which logits tell chances."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, special

# A negative slope would turn the order of the rows round.
_SMALLEST_SLOPE = 1e-3
_LARGEST_SLOPE = 1e3


class Scaling(NamedTuple):
    """`y = slope z + intercept`."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, logits: Any) -> Any:
        return self.slope * np.asarray(logits, np.float64) + self.intercept


def fit_platt_scaling(labels: Any, logits: Any) -> Scaling:
    """The scaling with the lowest log loss on rows that the model has not been trained on.

    Labels are drawn towards each other by one imagined row, so that rows that a model tells apart
    without a fault do not ask for an infinite slope: `(N_1 + 1) / (N_1 + 2)` and `1 / (N_0 + 2)`.

    Reference: Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2.

    Args:
        labels: `(R,)` of 0 and 1.
        logits: Float array of shape `(R,)`.
    """
    labels, logits = np.asarray(labels, np.float64), np.asarray(logits, np.float64)
    positives = labels.sum()
    high = (positives + 1) / (positives + 2)
    low = 1 / (len(labels) - positives + 2)
    targets = np.where(labels == 1, high, low)

    def loss_and_gradient(weights: Any) -> tuple[float, Any]:
        scaled = weights[0] * logits + weights[1]
        excess = special.expit(scaled) - targets
        loss = np.mean(np.logaddexp(0.0, scaled) - targets * scaled)
        return float(loss), np.array([np.mean(excess * logits), np.mean(excess)])

    found = optimize.minimize(
        loss_and_gradient,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_SMALLEST_SLOPE, _LARGEST_SLOPE), (None, None)],
    )
    slope, intercept = map(float, found.x)
    return Scaling(slope, intercept)
