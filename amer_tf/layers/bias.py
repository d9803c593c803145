"""A constant that is learned."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class Bias(keras.layers.Layer):
    """`y = x + b`: for logits that no dense layer ends in.

    Call arguments:
        inputs: Float tensor of shape `(..., units)`.

    Output shape: that of `inputs`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, inputs_shape: Any) -> None:
        units = require_static_units("Bias", inputs_shape)
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs + self.bias

    def compute_output_shape(self, inputs_shape: Any) -> Any:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
