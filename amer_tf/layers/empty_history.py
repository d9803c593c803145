"""What stands for a user without a history."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class EmptyHistory(keras.layers.Layer):
    """Puts a learned vector where no step of the history is valid.

    `y = v` where every step is padding, else `y = pooled`.

    Call arguments:
        pooled: Float tensor of shape `(..., units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps.

    Output shape: that of `pooled`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, pooled_shape: Any) -> None:
        units = require_static_units("EmptyHistory", pooled_shape)
        self.vector = self.add_weight(
            name="vector",
            shape=(units,),
            initializer=keras.initializers.RandomUniform(-0.05, 0.05),
        )

    def call(self, pooled: Any, mask: Any) -> Any:
        known = ops.any(mask, axis=-1, keepdims=True)  # [..., 1]
        return ops.where(known, pooled, ops.cast(self.vector, pooled.dtype))

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, pooled_shape: Any) -> Any:
        return pooled_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
