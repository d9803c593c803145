"""Pooling of each step with its neighbours."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import shifted_copies, zero_padded_steps

MODES = ("average", "max")
# The most negative number of float16: it has no -1e9, and -inf times a mask of 0 is NaN.
_LOWEST = -65504.0


@keras.saving.register_keras_serializable(package="amer_tf")
class WindowPooling(keras.layers.Layer):
    """Average or maximum of the valid steps in a window around each step.

    `y_t = mean` or `max` of `{x_s : |s - t| <= (size - 1) / 2, s valid}`, stride 1, SAME. Padded
    steps and steps outside the sequence are left out: an average divides by the number of
    valid steps, and a maximum of negative numbers stays negative at the edge. Causal, the window
    is `{x_s : 0 <= t - s < size}`, which ends with the step.

    Reference: the pooling layers of AMER, section 2.2.

    Args:
        mode: `"average"` or `"max"`.
        size: Positive odd integer, the width of the window in steps.
        causal: Whether a step sees older neighbours only.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`, zeros at padded steps.
    """

    def __init__(self, mode: str, size: int = 3, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"`mode` must be one of {', '.join(MODES)}. Received: mode={mode!r}")
        if size < 1 or size % 2 == 0:
            raise ValueError(f"`size` must be a positive odd integer. Received: size={size}")
        self.mode = mode
        self.size = size
        self.causal = causal
        self.supports_masking = True

    def call(self, states: Any, mask: Any | None = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(states)[:2], dtype="bool")
        ahead = 0 if self.causal else self.size // 2
        offsets = list(range(ahead - self.size + 1, ahead + 1))
        valid = ops.expand_dims(ops.cast(mask, states.dtype), -1)  # [B, T, 1]
        if self.mode == "average":
            total = sum(shifted_copies(states * valid, offsets))
            count = sum(shifted_copies(valid, offsets))
            return total / ops.maximum(count, 1) * valid
        filled = ops.where(valid > 0, states, ops.full_like(states, _LOWEST))
        maximum, *others = shifted_copies(filled, offsets, fill=_LOWEST)
        for other in others:
            maximum = ops.maximum(maximum, other)
        return zero_padded_steps(maximum, mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mode": self.mode,
            "size": self.size,
            "causal": self.causal,
        }
