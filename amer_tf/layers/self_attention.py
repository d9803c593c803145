"""Self-attention of a sequence, in both directions or causal."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform, zero_padded_steps

# Added to the score of a padded step. Scores stay float32: -1e9 does not fit float16.
_MASKED = -1e9


@keras.saving.register_keras_serializable(package="amer_tf")
class SelfAttention(keras.layers.Layer):
    """Multi-head attention of every valid step to every valid step.

    `y = concat_h(softmax(Q_h K_h^T / sqrt(d)) V_h) W_o + b_o`, `d = units / num_heads`; queries,
    keys and values come from one matrix product. Causal, a step attends to itself and to older
    ones.

    Reference: Vaswani et al., "Attention Is All You Need", 2017. Xavier initialisation.

    Args:
        num_heads: Positive integer that divides the units of the states.
        causal: Whether a step sees older steps only.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`, zeros at padded steps; a row without a valid step is zero.
    """

    def __init__(self, num_heads: int, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_heads < 1:
            raise ValueError(
                f"`num_heads` must be a positive integer. Received: num_heads={num_heads}"
            )
        self.num_heads = num_heads
        self.causal = causal
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        units = require_static_units("SelfAttention", states_shape)
        if units % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the units of the states. "
                f"Received: num_heads={self.num_heads}, units={units}"
            )
        self.input_kernel = self.add_weight(
            name="input_kernel",  # queries, keys, values side by side
            shape=(units, 3 * units),
            initializer=xavier_uniform(units, units),
        )
        self.input_bias = self.add_weight(
            name="input_bias", shape=(3 * units,), initializer="zeros"
        )
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(units, units), initializer="glorot_uniform"
        )
        self.output_bias = self.add_weight(name="output_bias", shape=(units,), initializer="zeros")

    def call(self, states: Any, mask: Any | None = None) -> Any:
        steps, units = ops.shape(states)[1], states.shape[-1]
        head_units = units // self.num_heads
        projected = ops.matmul(zero_padded_steps(states, mask), self.input_kernel)
        projected = ops.reshape(
            projected + self.input_bias, (-1, steps, 3, self.num_heads, head_units)
        )
        projected = ops.transpose(projected, (2, 0, 3, 1, 4))  # [3, B, heads, T, d]
        queries, keys, values = projected[0], projected[1], projected[2]
        scores = ops.matmul(queries / math.sqrt(head_units), ops.swapaxes(keys, -1, -2))
        scores = ops.cast(scores, "float32")  # [B, heads, T, T]
        if mask is not None:
            padding = _MASKED * (1.0 - ops.cast(mask, "float32"))
            scores = scores + padding[:, None, None, :]
        if self.causal:
            place = ops.arange(steps)
            newer = ops.cast(place[None, :] > place[:, None], "float32")  # [T, T]
            scores = scores + _MASKED * newer
        weights = ops.cast(ops.softmax(scores, axis=-1), values.dtype)
        attended = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # [B, T, heads, d]
        attended = ops.reshape(attended, (-1, steps, units))
        outputs = ops.matmul(attended, self.output_kernel) + self.output_bias
        return zero_padded_steps(outputs, mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "causal": self.causal}
