"""Explicit products of an input with its own projections, by a whole matrix."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class MatrixCross(keras.layers.Layer):
    """One cross layer of a DCN-V2: `y = x_0 * (W x + b) + x`.

    `Cross` is the one of the first DCN, whose `W` has rank one.

    Reference: Wang et al., "DCN V2: improved deep & cross network and practical lessons for
    web-scale learning to rank systems", 2021, equation 1.

    Call arguments:
        inputs: Float tensor `x_0` of shape `(..., units)`.
        states: Float tensor `x` of the same shape: the output of the layer before, or `x_0`.

    Output shape: that of `inputs`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, inputs_shape: Any, states_shape: Any) -> None:
        units = require_static_units("MatrixCross", inputs_shape)
        if states_shape[-1] != units:
            raise ValueError(
                "`states` must be as wide as `inputs`. "
                f"Received: inputs.shape={inputs_shape}, states.shape={states_shape}"
            )
        self.kernel = self.add_weight(name="kernel", shape=(units, units))
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")

    def call(self, inputs: Any, states: Any) -> Any:
        return inputs * (ops.matmul(states, self.kernel) + self.bias) + states

    def compute_output_shape(self, inputs_shape: Any, states_shape: Any) -> Any:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
