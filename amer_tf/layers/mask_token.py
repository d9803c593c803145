"""A learned vector in place of the steps that are asked for."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class MaskToken(keras.layers.Layer):
    """Puts one learned vector where a step is asked for, and adds a step at the end.

    `y_i = v` where step `i` is asked for, else `y_i = h_i`; the step `T + 1` has no state of its
    own, so it is `v` or zero.

    Reference: the token [mask] of Sun et al., "BERT4Rec", 2019.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        asked: Bool tensor of shape `(batch, steps + 1)`.

    Output shape: `(batch, steps + 1, units)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, states_shape: Any, asked_shape: Any) -> None:
        units = require_static_units("MaskToken", states_shape)
        self.vector = self.add_weight(
            name="vector",
            shape=(units,),
            initializer=keras.initializers.RandomUniform(-0.05, 0.05),
        )

    def call(self, states: Any, asked: Any) -> Any:
        longer = ops.pad(states, [[0, 0], [0, 1], [0, 0]])
        return ops.where(ops.expand_dims(asked, -1), ops.cast(self.vector, longer.dtype), longer)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any, asked_shape: Any) -> Any:
        return (states_shape[0], asked_shape[1], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
