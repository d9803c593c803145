"""From a behaviour sequence to one vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class SumPooling(keras.layers.Layer):
    """Sums the valid steps of a sequence.

    `y = sum_i h_i`. Reference: AMER, section 2.1, stage 1.

    Call arguments:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None.

    Output shape: `(..., units)`; zeros where no step is valid.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        return ops.sum(zero_padded_steps(states, mask), axis=-2)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any) -> Any:
        return (*states_shape[:-2], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@keras.saving.register_keras_serializable(package="amer_tf")
class RunningSum(keras.layers.Layer):
    """Sums at each step the valid steps up to it.

    `y_t = sum_{i <= t} h_i`: what `SumPooling` gave when step `t` was the newest.

    Call arguments:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None.

    Output shape: that of `states`, zeros at padded steps.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        return zero_padded_steps(ops.cumsum(zero_padded_steps(states, mask), axis=-2), mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@keras.saving.register_keras_serializable(package="amer_tf")
class LastPooling(keras.layers.Layer):
    """Takes the newest valid step of a sequence, on whichever side the padding is.

    `y = h_{max{i : i valid}}`. Reference: AMER, section 2.1, stage 1.

    Call arguments:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None.

    Output shape: `(..., units)`; zeros where no step is valid.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        if mask is None:
            return states[..., -1, :]
        valid = ops.cast(mask, "int32")
        newer = ops.sum(valid, axis=-1, keepdims=True) - ops.cumsum(valid, axis=-1)
        # A sum with one term left in, since a gather by row compiles poorly under XLA.
        return ops.sum(zero_padded_steps(states, mask & (newer == 0)), axis=-2)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any) -> Any:
        return (*states_shape[:-2], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
