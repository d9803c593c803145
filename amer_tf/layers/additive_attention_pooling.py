"""Attention from a context vector to the steps of a sequence, by a small network."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class AdditiveAttentionPooling(keras.layers.Layer):
    """Sums the steps, each weighted by what a hidden layer makes of it and a context.

    `y = sum_i a_i h_i` over valid steps, `a_i = v^T sigmoid(W h_i + U c + b)`. The weights are no
    softmax: a sum over many steps may be larger than each.

    Reference: Li et al., "Neural Attentive Session-based Recommendation", 2017,
    after Bahdanau et al., 2015. Xavier initialisation.

    Args:
        use_bias: Whether there is `b`.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        context: Float tensor of shape `(batch, context_units)`.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: `(batch, units)`; zeros where no step is valid.
    """

    def __init__(self, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.supports_masking = True

    def build(self, states_shape: Any, context_shape: Any) -> None:
        units = require_static_units("AdditiveAttentionPooling", states_shape)
        self.states_kernel = self.add_weight(name="states_kernel", shape=(units, units))
        self.context_kernel = self.add_weight(
            name="context_kernel", shape=(context_shape[-1], units)
        )
        self.score_kernel = self.add_weight(name="score_kernel", shape=(units, 1))
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")

    def call(self, states: Any, context: Any, states_mask: Any | None = None) -> Any:
        hidden = ops.matmul(context, self.context_kernel)
        if self.use_bias:
            hidden = hidden + self.bias
        hidden = ops.expand_dims(hidden, 1) + ops.matmul(states, self.states_kernel)
        weights = ops.matmul(ops.sigmoid(hidden), self.score_kernel)  # [B, T, 1]
        return ops.sum(zero_padded_steps(states, states_mask) * weights, axis=1)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any, context_shape: Any) -> Any:
        return (states_shape[0], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_bias": self.use_bias}
