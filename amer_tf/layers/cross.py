"""Explicit products of an input with its own projections."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class Cross(keras.layers.Layer):
    """One cross layer of a DCN: `y = x_0 (w^T x) + b + x`.

    Reference: Wang et al., "Deep & cross network for ad click predictions", 2017, equation 3.

    Call arguments:
        inputs: Float tensor `x_0` of shape `(..., units)`.
        states: Float tensor `x` of the same shape: the output of the layer before, or `x_0`.

    Output shape: that of `inputs`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, inputs_shape: Any, states_shape: Any) -> None:
        units = inputs_shape[-1]
        if states_shape[-1] != units:
            raise ValueError(
                "`states` must be as wide as `inputs`. "
                f"Received: inputs.shape={inputs_shape}, states.shape={states_shape}"
            )
        self.kernel = self.add_weight(name="kernel", shape=(units,))
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")

    def call(self, inputs: Any, states: Any) -> Any:
        projected = ops.sum(states * self.kernel, axis=-1, keepdims=True)
        return inputs * projected + self.bias + states

    def compute_output_shape(self, inputs_shape: Any, states_shape: Any) -> Any:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
