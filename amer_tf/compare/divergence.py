"""Whether a training has come to nothing, though it ended: by what it scores in validation.

The test split is left out of it: what is told must not depend on how it came out there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from amer_tf.training.fit import TrainingError

# A network that has learned its training rows by heart may come to two or three times the loss of
# a constant; what is this far off has no meaning.
_MOST_TIMES = 20.0
# Errors of sums that should be 0.
_TINY = 1e-9


def check(metrics: Mapping[str, Any]) -> None:
    """Raises where a training has diverged.

    Args:
        metrics: Of the validation split, as `evaluate_binary` or `summarise` gives them.

    Raises:
        TrainingError: Where a metric is not finite, the log loss is more than 20 times that of
            the best constant, or all scores are the same.
    """
    reason = why_diverged(metrics)
    if reason is not None:
        raise TrainingError(
            f"It diverged: {reason} on the validation split. A lower learning rate may mend it."
        )


def why_diverged(metrics: Mapping[str, Any]) -> str | None:
    """What is wrong with some metrics, in words that go on with `on the ... split`."""
    for name, value in metrics.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name} is {value}"
    if {"log_loss", "positive_rate"} <= set(metrics):
        loss, constant = metrics["log_loss"], _entropy(metrics["positive_rate"])
        if loss > _MOST_TIMES * constant:
            return f"its log loss is {loss:.3g}, and {constant:.3g} that of a constant,"
    return "all its scores are the same" if _is_constant(metrics) else None


def _is_constant(metrics: Mapping[str, Any]) -> bool:
    """Whether all rows, or all items, have one score.

    An AUC of exactly .5 has no error then, and every user the same share of a hit: a true item
    that ties with none is hit or not. A single user has no error to tell it by.
    """
    errors = metrics.get("standard_errors", {})
    if "auc" in metrics:
        return metrics["auc"] == 0.5 and _is_zero(errors.get("auc"))
    is_shared = _TINY < metrics["hr@1"] < 1 - _TINY
    return is_shared and all(map(_is_zero, errors.values()))


def _is_zero(error: float | None) -> bool:
    return error is not None and error < _TINY


def _entropy(rate: float) -> float:
    """The log loss of a constant chance of `rate` where that is the share of the positive rows."""
    return -sum(part * math.log(part) for part in (rate, 1.0 - rate) if part > 0.0)
