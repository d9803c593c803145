"""The operation that does nothing."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class Zero(keras.layers.Layer):
    """Gives zeros, so that a residual block around it is skipped.

    `y = 0`. Reference: the zero operation of AMER, section 2.2, which gives networks of any
    depth up to the number of blocks.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        mask: Ignored.

    Output shape: that of `states`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        return ops.zeros_like(states)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
