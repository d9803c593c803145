"""A gated recurrent unit whose update gate attends."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform, zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class AttentionalGru(keras.layers.Layer):
    """Reads a sequence forward, moving the state as far as a step's attention allows (AUGRU).

    With `x` the inputs, `h` the state and `a` the attention of a step:
    `u = sigmoid(x W_u + b_u + h U_u)`, `r = sigmoid(x W_r + b_r + h U_r)`,
    `g = tanh(x W_g + b_g + r (h U_g))`, `h' = (1 - a u) h + a u g`. Without attention `a` is 1:
    a GRU. A padded step keeps the state, on whichever side the padding is.

    Reference: Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction",
    2019, interest extractor and interest evolving layer. Xavier kernels, orthogonal recurrent
    kernels.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        attention: Float tensor of shape `(batch, steps)`, in [0, 1], or None: all are 1.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output shape: that of `states`: the state after each step; zeros at padded steps.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, states_shape: Any, attention_shape: Any = None) -> None:
        units = require_static_units("AttentionalGru", states_shape)
        self.kernel = self.add_weight(
            name="kernel",  # u, r, g
            shape=(units, 3 * units),
            initializer=xavier_uniform(units, units),
        )
        self.bias = self.add_weight(name="bias", shape=(3 * units,), initializer="zeros")
        self.loop = keras.layers.RNN(
            AttentionalGruCell(units, dtype=self.dtype_policy, name="cell"),
            return_sequences=True,
            dtype=self.dtype_policy,
            name="loop",
        )
        self.loop.build((states_shape[0], states_shape[1], 3 * units + 1))

    def call(
        self, states: Any, attention: Any | None = None, states_mask: Any | None = None
    ) -> Any:
        states = zero_padded_steps(states, states_mask)
        projected = ops.matmul(states, self.kernel) + self.bias  # [B, T, 3 D]
        if attention is None:
            attention = ops.ones_like(projected[:, :, 0])
        # A padded step is one without attention: it adds 0 and keeps the state exactly.
        moved = zero_padded_steps(ops.expand_dims(attention, -1), states_mask)  # [B, T, 1]
        outputs = self.loop(ops.concatenate([projected, moved], axis=-1))
        return zero_padded_steps(outputs, states_mask)

    def compute_output_shape(self, states_shape: Any, attention_shape: Any = None) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@keras.saving.register_keras_serializable(package="amer_tf")
class AttentionalGruCell(keras.layers.Layer):
    """One step of an `AttentionalGru`, in the form `keras.layers.RNN` takes.

    Args:
        units: Positive integer, the units of the state.

    Call arguments:
        inputs: Float tensor of shape `(batch, 3 * units + 1)`: the projected inputs, then the
            attention of the step.
        states: List of one tensor of shape `(batch, units)`.

    Output shape: `(batch, units)`, and the same as the next state.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, inputs_shape: Any) -> None:
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 3 * self.units), initializer="orthogonal"
        )

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        [state] = states
        attention = inputs[:, -1:]
        input_u, input_r, input_g = ops.split(inputs[:, :-1], 3, axis=-1)
        state_u, state_r, state_g = ops.split(ops.matmul(state, self.recurrent_kernel), 3, axis=-1)
        update = attention * ops.sigmoid(input_u + state_u)
        candidate = ops.tanh(input_g + ops.sigmoid(input_r + state_r) * state_g)
        state = state + update * (candidate - state)
        return state, [state]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
