"""Where a step stands, counted back from the newest."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class RecencyPositionEmbedding(keras.layers.Layer):
    """Adds a learned vector by the number of valid steps that are newer.

    `y_i = h_i + E[min(#{j > i : j valid}, max_length - 1)]`, so the newest event is always
    number 0, on whichever side and to whatever length the sequence is padded.

    Args:
        max_length: Positive integer, the number of vectors.

    Call arguments:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None.

    Output shape: that of `states`, zeros at padded steps.
    """

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(
                f"`max_length` must be a positive integer. Received: max_length={max_length}"
            )
        self.max_length = max_length
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        units = require_static_units("RecencyPositionEmbedding", states_shape)
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_length, units),
            initializer=keras.initializers.RandomUniform(-0.05, 0.05),
        )

    def call(self, states: Any, mask: Any | None = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(states)[:-1], dtype="bool")
        valid = ops.cast(mask, "int32")
        newer = ops.sum(valid, axis=-1, keepdims=True) - ops.cumsum(valid, axis=-1)
        newer = ops.clip(newer, 0, self.max_length - 1)
        return zero_padded_steps(states + ops.take(self.embeddings, newer, axis=0), mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}
