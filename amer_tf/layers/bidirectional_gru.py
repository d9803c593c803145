"""Gated recurrent units in both directions, or twice forward."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform, zero_padded_steps

# XLA compiles the unrolled gradient in time that grows faster than the steps (5 s for 15, 29 s
# for 40 on a loaded machine), and a loop in constant time.
_MAX_UNROLLED_STEPS = 24


@keras.saving.register_keras_serializable(package="amer_tf")
class BidirectionalGru(keras.layers.Layer):
    """Reads a sequence forward and backward, half of the units each.

    For each direction, with `x` the inputs and `h` the state of `units / 2` numbers:
    `z = sigmoid(x W_z + b_z + h U_z + c_z)`, `r = sigmoid(x W_r + b_r + h U_r + c_r)`,
    `g = tanh(x W_g + b_g + r (h U_g + c_g))`, `h' = z h + (1 - z) g`: the Keras GRU with
    `reset_after=True`. A padded step keeps the state, on whichever side the padding is. The
    inputs of all steps are projected by one matrix product, and both directions advance in one
    batched product a step: unrolled for short sequences, in a loop for long ones. Causal, both
    halves read forward, so that no step sees a newer one.

    Reference: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    Xavier kernels, orthogonal recurrent kernels.

    Args:
        causal: Whether a step sees older steps only.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`, `units` even.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`: forward, then backward units; zeros at padded steps.
    """

    def __init__(self, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.causal = causal
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        units = require_static_units("BidirectionalGru", states_shape)
        if units % 2:
            raise ValueError(
                "`BidirectionalGru` gives half of the units to each direction, so their number "
                f"must be even. Received: units={units}"
            )
        self.kernel = self.add_weight(
            name="kernel",  # forward z, r, g, then backward z, r, g
            shape=(units, 3 * units),
            initializer=xavier_uniform(units, 3 * units // 2),
        )
        self.bias = self.add_weight(name="bias", shape=(3 * units,), initializer="zeros")
        self.loop = keras.layers.RNN(
            BidirectionalGruCell(units // 2, dtype=self.dtype_policy, name="cell"),
            return_sequences=True,
            dtype=self.dtype_policy,
            name="loop",
        )
        self.loop.build((states_shape[0], states_shape[1], 3 * units + 2))

    def call(self, states: Any, mask: Any | None = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(states)[:2], dtype="bool")
        valid = ops.expand_dims(ops.cast(mask, states.dtype), -1)  # [B, T, 1]
        projected = ops.matmul(states * valid, self.kernel) + self.bias  # [B, T, 3 D]
        forward, backward = ops.split(projected, 2, axis=-1)
        backward, backward_valid = self._turned(backward), self._turned(valid)
        steps = states.shape[1]
        if steps is not None and steps <= _MAX_UNROLLED_STEPS:
            forward, backward = self._unrolled((forward, backward), (valid, backward_valid), steps)
        else:
            both = [forward, backward, valid, backward_valid]
            forward, backward = ops.split(self.loop(ops.concatenate(both, axis=-1)), 2, axis=-1)
        outputs = ops.concatenate([forward, self._turned(backward)], axis=-1)
        return zero_padded_steps(outputs, mask)

    def _turned(self, steps: Any) -> Any:
        """What the second half reads, in the order in which it reads, and back again."""
        return steps if self.causal else ops.flip(steps, axis=1)

    def _unrolled(
        self, both: tuple[Any, Any], valid: tuple[Any, Any], steps: int
    ) -> tuple[Any, Any]:
        """States of both directions `[B, T, H]`, in the order in which they are read."""
        inputs = ops.transpose(ops.stack(both), (2, 0, 1, 3))  # [T, 2, B, 3 H]
        step_is_valid = ops.transpose(ops.stack(valid), (2, 0, 1, 3))  # [T, 2, B, 1]
        cell = self.loop.cell
        state = ops.zeros_like(inputs[0, :, :, : cell.units])  # [2, B, H]
        outputs = []
        for step_inputs, step_valid in zip(
            ops.unstack(inputs, steps), ops.unstack(step_is_valid, steps), strict=True
        ):
            state = cell.advance(step_inputs, step_valid, state)
            outputs.append(state)
        states = ops.transpose(ops.stack(outputs), (1, 2, 0, 3))  # [2, B, T, H]
        return states[0], states[1]

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "causal": self.causal}


@keras.saving.register_keras_serializable(package="amer_tf")
class BidirectionalGruCell(keras.layers.Layer):
    """One step of both directions of a `BidirectionalGru`, in the form `keras.layers.RNN` takes.

    Args:
        units: Positive integer `H`, the units of one direction.

    Call arguments:
        inputs: Float tensor of shape `(batch, 6 * units + 2)`: the projected inputs of the
            forward and of the backward direction, then whether the step of each is valid.
        states: List of one tensor of shape `(batch, 2 * units)`.

    Output shape: `(batch, 2 * units)`, and the same as the next state.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = 2 * units
        self.output_size = 2 * units

    def build(self, inputs_shape: Any) -> None:
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(2, self.units, 3 * self.units),
            initializer="orthogonal",
        )
        self.recurrent_bias = self.add_weight(
            name="recurrent_bias", shape=(2, 1, 3 * self.units), initializer="zeros"
        )

    def advance(self, inputs: Any, valid: Any, state: Any) -> Any:
        """The next state `[2, B, H]` from inputs `[2, B, 3 H]` and validity `[2, B, 1]`."""
        recurrent = ops.matmul(state, self.recurrent_kernel) + self.recurrent_bias
        input_z, input_r, input_g = ops.split(inputs, 3, axis=-1)
        state_z, state_r, state_g = ops.split(recurrent, 3, axis=-1)
        update = ops.sigmoid(input_z + state_z)
        candidate = ops.tanh(input_g + ops.sigmoid(input_r + state_r) * state_g)
        # z h + (1 - z) g, so written that a padded step adds 0 and keeps the state exactly.
        return state + valid * (1.0 - update) * (candidate - state)

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        valid = ops.expand_dims(ops.transpose(inputs[:, -2:]), -1)  # [2, B, 1]
        state = self.advance(self._apart(inputs[:, :-2]), valid, self._apart(states[0]))
        state = ops.reshape(ops.transpose(state, (1, 0, 2)), (-1, 2 * self.units))
        return state, [state]

    def _apart(self, both: Any) -> Any:
        """From `[B, 2 n]` to `[2, B, n]`."""
        return ops.transpose(ops.reshape(both, (-1, 2, both.shape[-1] // 2)), (1, 0, 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
