"""The newest steps of a sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class NewestSteps(keras.layers.Layer):
    """Takes the newest valid steps of a sequence, however it is padded.

    `y_{n - 1 - k} = h_i` for the valid step `i` with `k` newer ones, so the newest is the last;
    zeros stand where there are fewer than `n`.

    Args:
        num_steps: Positive integer `n`.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: `(batch, num_steps, units)`.
    """

    def __init__(self, num_steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_steps < 1:
            raise ValueError(
                f"`num_steps` must be a positive integer. Received: num_steps={num_steps}"
            )
        self.num_steps = num_steps
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(states)[:2], dtype="bool")
        valid = ops.cast(mask, "int32")
        newer = ops.sum(valid, axis=-1, keepdims=True) - ops.cumsum(valid, axis=-1)  # [B, T]
        places = ops.arange(self.num_steps - 1, -1, -1, dtype="int32")  # newer steps of each
        chosen = ops.equal(ops.expand_dims(newer, 1), ops.reshape(places, (1, -1, 1)))
        # A product with zeros and ones, since a gather by row compiles poorly under XLA.
        chosen = ops.cast(chosen, states.dtype)  # [B, n, T]
        return ops.matmul(chosen, zero_padded_steps(states, mask))

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any) -> Any:
        return (states_shape[0], self.num_steps, states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_steps": self.num_steps}
