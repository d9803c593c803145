"""What a session was about."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.self_attention import SelfAttention
from amer_tf.layers.sequence_ops import require_static_units, zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class SessionInterest(keras.layers.Layer):
    """Self-attention among the events of each session, and their mean.

    `x = q + SelfAttention(q)`, `y = x + W_2 relu(W_1 x + b_1) + b_2`, `I = mean_t y_t` over the
    events of a session. All sessions share the weights.

    Reference: Feng et al., "Deep Session Interest Network for Click-Through Rate Prediction", 2019,
    session interest extractor layer; the feed-forward network is four times as wide as the
    events, as in Vaswani et al., "Attention Is All You Need", 2017. As in the authors' code there
    is no layer normalisation: its output, of size 1, drowns embeddings that start at 0.05.

    Args:
        num_heads: Positive integer that divides the units of the states.

    Call arguments:
        states: Float tensor of shape `(batch, sessions, length, units)`.
        mask: Bool tensor of shape `(batch, sessions, length)`, true at events, or None.

    Output shape: `(batch, sessions, units)`; zeros for a session without events.
    """

    def __init__(self, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = SelfAttention(num_heads, dtype=self.dtype_policy, name="attention")
        self.num_heads = num_heads
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        units = require_static_units("SessionInterest", states_shape)
        policy = self.dtype_policy
        self.expansion = keras.layers.Dense(4 * units, "relu", dtype=policy, name="expansion")
        self.contraction = keras.layers.Dense(units, dtype=policy, name="contraction")
        shape = (None, *states_shape[-2:])
        self.attention.build(shape)
        self.expansion.build(shape)
        self.contraction.build((*shape[:-1], 4 * units))

    def call(self, states: Any, mask: Any | None = None) -> Any:
        sessions, length, units = ops.shape(states)[1:]
        if mask is None:
            mask = ops.ones(ops.shape(states)[:-1], dtype="bool")
        mask = ops.reshape(mask, (-1, length))
        states = zero_padded_steps(ops.reshape(states, (-1, length, units)), mask)  # [B S, L, D]
        attended = states + self.attention(states, mask=mask)
        states = attended + self.contraction(self.expansion(attended))
        states = zero_padded_steps(states, mask)
        counts = ops.sum(ops.cast(mask, states.dtype), axis=-1, keepdims=True)
        interests = ops.sum(states, axis=-2) / ops.maximum(counts, 1.0)
        return ops.reshape(interests, (-1, sessions, units))

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any) -> Any:
        return (*states_shape[:-2], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads}
