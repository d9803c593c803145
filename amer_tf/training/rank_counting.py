"""Counts how many candidates stand before the true item.

Letters: `B` batch, `C` candidates of a user, `S` events before the example, `R` item rows
(padding, unknown, items).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from amer_tf.features import NUM_RESERVED_IDS


def rank_counts(true_scores: Any, other_scores: Any) -> tuple[Any, Any]:
    """How many others score higher than the true item, and how many the same.

    A NaN on either side counts as higher: comparisons with NaN are false, and a broken model
    must not be ranked first.

    Args:
        true_scores: Float tensor of shape `(..., 1)`.
        other_scores: Float tensor of shape `(..., C)`.

    Returns:
        Two int32 tensors of shape `(...)`: `greater`, `ties`.
    """
    greater = ops.logical_not(ops.less_equal(other_scores, true_scores))
    ties = ops.equal(other_scores, true_scores)
    return ops.sum(ops.cast(greater, "int32"), -1), ops.sum(ops.cast(ties, "int32"), -1)


def rank_candidates(scores: Any, candidates: Any) -> tuple[Any, Any, Any]:
    """Ranks the first of each row's candidates among them.

    Args:
        scores: Float tensor of shape `(B, C)`.
        candidates: Integer tensor of shape `(B, C)`, encoded ids.

    Returns:
        `greater`, `ties` and whether all scores are finite, `(B,)` each.
    """
    greater, ties = rank_counts(scores[:, :1], scores[:, 1:])
    greater, ties = _unknown_last(candidates[:, 0], greater, ties, scores.shape[1] - 1)
    return greater, ties, ops.all(ops.isfinite(scores), axis=-1)


def rank_catalog(scores: Any, target: Any, seen: Any) -> tuple[Any, Any, Any]:
    """Ranks the true item among all known items but those the user had before.

    Args:
        scores: Float tensor of shape `(B, R)`, `B` known.
        target: Integer tensor of shape `(B,)`.
        seen: Integer tensor of shape `(B, S)`, padded with 0; the target is not among them.

    Returns:
        As `rank_candidates`.
    """
    scores = ops.convert_to_tensor(scores)
    target, seen = ops.cast(target, "int32"), ops.cast(seen, "int32")
    true = ops.take_along_axis(scores, ops.expand_dims(target, -1), axis=-1)
    batch = scores.shape[0]
    reserved = ops.tile(ops.arange(NUM_RESERVED_IDS, dtype="int32")[None, :], (batch, 1))
    out = ops.concatenate([seen, target[:, None], reserved], axis=-1)  # (B, S + 3)
    rows = ops.tile(ops.arange(batch, dtype="int32")[:, None], (1, out.shape[1]))
    places = ops.stack([ops.reshape(rows, (-1,)), ops.reshape(out, (-1,))], axis=-1)
    removed = ops.full((batch * out.shape[1],), -np.inf, dtype=scores.dtype)
    others = ops.scatter_update(scores, places, removed)
    greater, ties = rank_counts(true, others)
    competing = ops.sum(ops.cast(ops.isfinite(others), "int32"), axis=-1)
    greater, ties = _unknown_last(target, greater, ties, competing)
    return greater, ties, ops.all(ops.isfinite(scores), axis=-1)


def _unknown_last(target: Any, greater: Any, ties: Any, competing: Any) -> tuple[Any, Any]:
    """An item that the vocabulary does not know cannot be recommended, whatever its row scores."""
    unknown = ops.less(target, NUM_RESERVED_IDS)
    return ops.where(unknown, competing, greater), ops.where(unknown, 0, ties)
