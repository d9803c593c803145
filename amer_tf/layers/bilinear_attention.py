"""Attention to the steps of a sequence that sums to one."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units

# Stands for the score of a padded step. Scores stay float32: -1e9 does not fit float16.
_MASKED = -1e9


@keras.saving.register_keras_serializable(package="amer_tf")
class BilinearAttention(keras.layers.Layer):
    """Weighs each step of a sequence by its bearing on the target, the weights of all summing to 1.

    `a_i = exp(h_i W t) / sum_j exp(h_j W t)` over valid steps.

    Reference: Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction",
    2019, interest evolving layer; Feng et al., "Deep Session Interest Network for Click-Through
    Rate Prediction", 2019, session interest activating layer. Xavier initialisation.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        target: Float tensor of shape `(batch, target units)`.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: `(batch, steps)`; zeros at padded steps, all zeros where no step is valid.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, states_shape: Any, target_shape: Any) -> None:
        units = require_static_units("BilinearAttention", states_shape)
        target_units = require_static_units("BilinearAttention", target_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(target_units, units), initializer="glorot_uniform"
        )

    def call(self, states: Any, target: Any, states_mask: Any | None = None) -> Any:
        projected = ops.matmul(target, self.kernel)  # [B, D]
        scores = ops.sum(states * ops.expand_dims(projected, 1), axis=-1)  # [B, T]
        scores = ops.cast(scores, "float32")
        valid = ops.ones_like(scores)
        if states_mask is not None:
            valid = ops.cast(states_mask, "float32")
            scores = ops.where(states_mask, scores, _MASKED)
        weights = valid * ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        # The largest is 1, so that less than 1 is the sum of no valid step.
        weights /= ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1.0)
        return ops.cast(weights, self.compute_dtype)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any, target_shape: Any) -> Any:
        return tuple(states_shape[:-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
