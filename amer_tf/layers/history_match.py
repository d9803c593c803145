"""How often, and how lately, a history has the target itself."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class HistoryMatch(keras.layers.Layer):
    """Counts the steps of a history that hold the target's id, or one of its ids.

    `[log(1 + sum_i m_i), max_i m_i / (1 + age_i)]`, with `m_i` 1 where step `i` holds an id of the
    target, and `age_i` the number of valid steps after it. Attention over embeddings tells such
    steps apart only after it has learned to; an engineer would count them by hand. An unknown
    value (id 1) is no match, and neither is padding (id 0).

    Call arguments:
        history: Integer tensor of shape `(batch, steps)`, or `(batch, steps, values)` of sets.
        target: Integer tensor of shape `(batch,)`, or `(batch, values)` of sets.
        history_mask: Bool tensor of shape `(batch, steps)`, true at valid steps. The batch may be
            1: one history for many targets.

    Output shape: `(batch, 2)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, history: Any, target: Any, history_mask: Any) -> Any:
        if len(history.shape) == 3:
            equal = ops.equal(history[:, :, :, None], target[:, None, None, :])  # [B, T, V, V]
            known = ops.logical_and(equal, ops.greater(history, 1)[:, :, :, None])
            match = ops.any(known, axis=(2, 3))
        else:
            known = ops.greater(history, 1)
            match = ops.logical_and(ops.equal(history, target[:, None]), known)  # [B, T]
        match = ops.cast(ops.logical_and(match, history_mask), self.compute_dtype)
        valid = ops.cast(history_mask, "int32")
        newer = ops.sum(valid, axis=1, keepdims=True) - ops.cumsum(valid, axis=1)
        recency = match / ops.cast(1 + newer, self.compute_dtype)
        counts = ops.log1p(ops.sum(match, axis=1))
        return ops.stack([counts, ops.max(recency, axis=1)], axis=-1)

    def compute_output_shape(
        self, history_shape: Any, target_shape: Any, history_mask_shape: Any = None
    ) -> Any:
        return (target_shape[0], 2)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        """The result has no steps."""
        return
