"""Gated recurrent units in both directions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform, zero_padded_steps

# Above this many steps the unrolled graph takes longer to compile than it saves.
_MAX_UNROLLED_STEPS = 64


@keras.saving.register_keras_serializable(package="amer_tf")
class BidirectionalGru(keras.layers.Layer):
    """Reads a sequence forward and backward, half of the units each.

    For each direction, with `x` the inputs and `h` the state of `units / 2` numbers:
    `z = sigmoid(x W_z + b_z + h U_z + c_z)`, `r = sigmoid(x W_r + b_r + h U_r + c_r)`,
    `g = tanh(x W_g + b_g + r (h U_g + c_g))`, `h' = z h + (1 - z) g`: the Keras GRU with
    `reset_after=True`. A padded step keeps the state, on whichever side the padding is. The
    inputs of all steps are projected by one matrix product, and both directions advance in one
    batched product a step.

    Reference: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    Xavier kernels, orthogonal recurrent kernels.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`, `units` even.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`: forward, then backward units; zeros at padded steps.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        units = require_static_units("BidirectionalGru", states_shape)
        if units % 2:
            raise ValueError(
                "`BidirectionalGru` gives half of the units to each direction, so their number "
                f"must be even. Received: units={units}"
            )
        half = units // 2
        self.kernel = self.add_weight(
            name="kernel",  # forward z, r, g, then backward z, r, g
            shape=(units, 6 * half),
            initializer=xavier_uniform(units, 3 * half),
        )
        self.bias = self.add_weight(name="bias", shape=(6 * half,), initializer="zeros")
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(2, half, 3 * half), initializer="orthogonal"
        )
        self.recurrent_bias = self.add_weight(
            name="recurrent_bias", shape=(2, 1, 3 * half), initializer="zeros"
        )

    def call(self, states: Any, mask: Any | None = None) -> Any:
        steps, units = ops.shape(states)[1], states.shape[-1]
        if mask is None:
            mask = ops.ones(ops.shape(states)[:2], dtype="bool")
        states = zero_padded_steps(states, mask)
        projected = ops.matmul(states, self.kernel) + self.bias  # [B, T, 6 H]
        inputs = self._by_time(projected[..., : 3 * units // 2], projected[..., 3 * units // 2 :])
        valid = ops.expand_dims(ops.cast(mask, states.dtype), -1)
        valid = self._by_time(valid, valid)  # [T, 2, B, 1]
        state = ops.zeros_like(inputs[0, :, :, : units // 2])  # [2, B, H]
        if states.shape[1] is not None and states.shape[1] <= _MAX_UNROLLED_STEPS:
            outputs = self._unrolled(inputs, valid, state, states.shape[1])
        else:
            outputs = self._scanned(inputs, valid, state, steps)
        forward = ops.transpose(outputs[:, 0], (1, 0, 2))  # [B, T, H]
        backward = ops.transpose(ops.flip(outputs[:, 1], axis=0), (1, 0, 2))
        return zero_padded_steps(ops.concatenate([forward, backward], axis=-1), mask)

    def _by_time(self, forward: Any, backward: Any) -> Any:
        """Stacks both directions in the order in which they are read: `[T, 2, B, ...]`."""
        both = ops.stack([forward, ops.flip(backward, axis=1)])  # [2, B, T, n]
        return ops.transpose(both, (2, 0, 1, 3))

    def _step(self, state: Any, inputs: Any, valid: Any, kernel: Any, bias: Any) -> Any:
        half = state.shape[-1]
        recurrent = ops.matmul(state, kernel) + bias  # [2, B, 3 H]
        gates = ops.sigmoid(inputs[..., : 2 * half] + recurrent[..., : 2 * half])
        update, reset = gates[..., :half], gates[..., half:]
        candidate = ops.tanh(inputs[..., 2 * half :] + reset * recurrent[..., 2 * half :])
        # h + valid (1 - z) (g - h): a padded step adds zero, and so keeps the state exactly.
        return state + valid * (1.0 - update) * (candidate - state)

    def _unrolled(self, inputs: Any, valid: Any, state: Any, steps: int) -> Any:
        kernel = ops.convert_to_tensor(self.recurrent_kernel)
        bias = ops.convert_to_tensor(self.recurrent_bias)
        outputs = []
        for step_inputs, step_valid in zip(
            ops.unstack(inputs, steps), ops.unstack(valid, steps), strict=True
        ):
            state = self._step(state, step_inputs, step_valid, kernel, bias)
            outputs.append(state)
        return ops.stack(outputs)  # [T, 2, B, H]

    def _scanned(self, inputs: Any, valid: Any, state: Any, steps: Any) -> Any:
        kernel = ops.convert_to_tensor(self.recurrent_kernel)
        bias = ops.convert_to_tensor(self.recurrent_bias)

        def advance(state: Any, step: tuple[Any, Any]) -> tuple[Any, Any]:
            state = self._step(state, step[0], step[1], kernel, bias)
            return state, state

        return ops.scan(advance, state, (inputs, valid))[1]

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
