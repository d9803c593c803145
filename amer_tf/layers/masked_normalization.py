"""Layer normalisation that keeps padded steps at zero."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.layers.sequence_ops import zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class MaskedLayerNormalization(keras.layers.Layer):
    """Layer normalisation over the last axis, zero at padded steps.

    `y = gamma (x - mean(x)) / sqrt(var(x) + epsilon) + beta` at valid steps. Without the mask
    `beta` would leak out of padded steps into convolutions and sums.

    Reference: Ba et al., "Layer Normalization", 2016.

    Args:
        epsilon: Small positive float. Keras's 1e-3 is larger than the variance of embeddings
            that start uniform in +-0.05 (8e-4), and would leave them unnormalised.

    Call arguments:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None.

    Output shape: that of `states`.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if epsilon <= 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon}")
        self.epsilon = epsilon
        self.normalization = keras.layers.LayerNormalization(
            epsilon=epsilon, dtype=self.dtype_policy, name="normalization"
        )
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        self.normalization.build(states_shape)

    def call(self, states: Any, mask: Any | None = None) -> Any:
        return zero_padded_steps(self.normalization(states), mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
