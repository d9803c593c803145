"""Attention from the target to the behaviour sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.layers.local_activation_unit import LocalActivationUnit
from amer_tf.layers.sequence_ops import zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class TargetAttention(keras.layers.Layer):
    """Scales each step by its bearing on the target.

    `y_i = a_i h_i`, with `a` of `LocalActivationUnit`. Reference: the attention layer of AMER,
    section 2.2: it attends to each step from the target item.

    Args:
        hidden_units: Positive integers, the sizes of the unit's hidden layers.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        target: Float tensor of shape `(batch, units)`.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`, zeros at padded steps.
    """

    def __init__(self, hidden_units: Sequence[int] = (36,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = LocalActivationUnit(hidden_units, dtype=self.dtype_policy, name="unit")
        self.hidden_units = self.unit.hidden_units
        self.supports_masking = True

    def build(self, states_shape: Any, target_shape: Any) -> None:
        self.unit.build(states_shape, target_shape)

    def call(self, states: Any, target: Any, states_mask: Any | None = None) -> Any:
        states = zero_padded_steps(states, states_mask)
        weights = self.unit(states, target, states_mask=states_mask)  # [B, T]
        return states * ops.expand_dims(weights, -1)

    def compute_output_shape(self, states_shape: Any, target_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden_units": list(self.hidden_units)}


@keras.saving.register_keras_serializable(package="amer_tf")
class TargetAttentionPooling(keras.layers.Layer):
    """Sums the steps, each weighted by its bearing on the target.

    `y = sum_i a_i h_i` over valid steps, with `a` of `LocalActivationUnit`. Reference: AMER,
    section 2.1, stage 1, after Zhou et al., "Deep Interest Network", 2018, equation 3. A sequence
    in a batch of one stands for all targets.

    Args:
        hidden_units: Positive integers, the sizes of the unit's hidden layers.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)` or `(1, steps, units)`.
        target: Float tensor of shape `(batch, units)`.
        states_mask: Bool tensor of shape `(batch, steps)` or `(1, steps)`, true at valid steps,
            or None.

    Output shape: `(batch, units)`; zeros where no step is valid.
    """

    def __init__(self, hidden_units: Sequence[int] = (36,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = TargetAttention(hidden_units, dtype=self.dtype_policy, name="attention")
        self.hidden_units = self.attention.hidden_units
        self.supports_masking = True

    def build(self, states_shape: Any, target_shape: Any) -> None:
        self.attention.build(states_shape, target_shape)

    def call(self, states: Any, target: Any, states_mask: Any | None = None) -> Any:
        return ops.sum(self.attention(states, target, states_mask=states_mask), axis=1)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any, target_shape: Any) -> Any:
        return (states_shape[0], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden_units": list(self.hidden_units)}
