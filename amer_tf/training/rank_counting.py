"""Counts how many candidates stand before the true item."""

from __future__ import annotations

from typing import Any

from keras import ops


def rank_counts(true_scores: Any, other_scores: Any, excluded: Any = None) -> tuple[Any, Any]:
    """How many others score higher than the true item, and how many the same.

    A NaN on either side counts as higher: comparisons with NaN are false, and a broken model
    must not be ranked first.

    Args:
        true_scores: Float tensor of shape `(..., 1)`.
        other_scores: Float tensor of shape `(..., C)`.
        excluded: Bool tensor of shape `(..., C)`: others that do not compete; or None.

    Returns:
        Two int32 tensors of shape `(...)`: `greater`, `ties`.
    """
    greater = ops.logical_not(ops.less_equal(other_scores, true_scores))
    ties = ops.equal(other_scores, true_scores)
    if excluded is not None:
        competes = ops.logical_not(excluded)
        greater, ties = ops.logical_and(greater, competes), ops.logical_and(ties, competes)
    return ops.sum(ops.cast(greater, "int32"), -1), ops.sum(ops.cast(ties, "int32"), -1)
