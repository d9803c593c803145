"""What the sequence layers share: zeros at padded steps, shifted copies, Xavier ranges."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


def zero_padded_steps(states: Any, mask: Any | None) -> Any:
    """Sets padded steps to zero.

    Args:
        states: Float tensor of shape `(..., steps, units)`.
        mask: Bool tensor of shape `(..., steps)`, true at valid steps, or None: all are valid.

    Returns:
        Tensor of the shape and dtype of `states`.
    """
    if mask is None:
        return states
    return states * ops.expand_dims(ops.cast(mask, states.dtype), -1)


def shifted_copies(states: Any, offsets: list[int], fill: float = 0.0) -> list[Any]:
    """Copies of a sequence, each moved along the steps, so that a window becomes a list.

    Args:
        states: Tensor of shape `(batch, steps, units)`.
        offsets: Integers. The copy of offset `o` holds `states[:, t + o]` at step `t`.
        fill: Float. What stands where `t + o` is outside the sequence.

    Returns:
        One tensor of the shape of `states` for each offset.
    """
    before, after = max(0, -min(offsets)), max(0, max(offsets))
    steps = ops.shape(states)[1]
    padded = ops.pad(
        states, [[0, 0], [before, after], [0, 0]], mode="constant", constant_values=fill
    )
    return [padded[:, before + offset : before + offset + steps] for offset in offsets]


def xavier_uniform(fan_in: int, fan_out: int) -> keras.initializers.Initializer:
    """Glorot's uniform range for given fans.

    For kernels that hold several matrices side by side: Keras would take the width of all of
    them for the fan and start each too small.
    """
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    return keras.initializers.RandomUniform(-limit, limit)


def require_static_units(layer_name: str, states_shape: Any) -> int:
    """The last axis of `states_shape`, which the weights need."""
    units = states_shape[-1]
    if units is None:
        raise ValueError(
            f"The last axis of the states of `{layer_name}` must be known when it is built. "
            f"Received: states_shape={tuple(states_shape)}"
        )
    return int(units)
