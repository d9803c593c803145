"""How much a past event matters to the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class LocalActivationUnit(keras.layers.Layer):
    """Weighs each step of a behaviour sequence by its bearing on the target.

    `a_i = MLP([h_i, t, h_i - t, h_i * t])`, PReLU hidden layers and one linear unit. The weights
    are not normalised, so that their sum keeps the intensity of the interest. One sequence can be
    weighed for many targets: a batch of one then stands for all.

    Reference: Zhou et al., "Deep Interest Network", 2018, section 4.3. Xavier initialisation.

    Args:
        hidden_units: Positive integers, the sizes of the hidden layers.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)` or `(1, steps, units)`.
        target: Float tensor of shape `(batch, units)`.
        states_mask: Bool tensor of shape `(batch, steps)` or `(1, steps)`, true at valid steps,
            or None.

    Output shape: `(batch, steps)`, zeros at padded steps.
    """

    def __init__(self, hidden_units: Sequence[int] = (36,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not hidden_units or any(units < 1 for units in hidden_units):
            raise ValueError(
                "`hidden_units` must be one or more positive integers. "
                f"Received: hidden_units={hidden_units!r}"
            )
        self.hidden_units = tuple(hidden_units)
        policy = self.dtype_policy
        self.hidden_layers = [
            keras.layers.Dense(units, dtype=policy, name=f"hidden_{index}")
            for index, units in enumerate(self.hidden_units)
        ]
        self.activations = [
            keras.layers.PReLU(
                # One slope a unit, shared by the steps; it starts as a leaky ReLU does.
                alpha_initializer=keras.initializers.Constant(0.25),
                shared_axes=[1],
                dtype=policy,
                name=f"activation_{index}",
            )
            for index in range(len(self.hidden_units))
        ]
        self.weight = keras.layers.Dense(1, dtype=policy, name="weight")
        self.supports_masking = True

    def build(self, states_shape: Any, target_shape: Any) -> None:
        units = require_static_units("LocalActivationUnit", states_shape)
        if target_shape[-1] != units:
            raise ValueError(
                "`target` must have as many units as `states`. Received: "
                f"states_shape={tuple(states_shape)}, target_shape={tuple(target_shape)}"
            )
        width = 4 * units
        for layer, activation in zip(self.hidden_layers, self.activations, strict=True):
            layer.build((*states_shape[:-1], width))
            width = layer.units
            activation.build((*states_shape[:-1], width))
        self.weight.build((*states_shape[:-1], width))

    def call(self, states: Any, target: Any, states_mask: Any | None = None) -> Any:
        hidden = self._first_layer(states, ops.expand_dims(target, 1))  # [B, T, units]
        hidden = self.activations[0](hidden)
        for layer, activation in zip(self.hidden_layers[1:], self.activations[1:], strict=True):
            hidden = activation(layer(hidden))
        weights = ops.squeeze(self.weight(hidden), -1)  # [B, T]
        if states_mask is None:
            return weights
        return weights * ops.cast(states_mask, weights.dtype)

    def _first_layer(self, states: Any, target: Any) -> Any:
        """The first layer before its activation, without `[h, t, h - t, h * t]` side by side.

        The layer is linear, so `h` and `t` are each projected once.
        """
        layer = self.hidden_layers[0]
        own, of_target, of_difference, of_product = ops.split(layer.kernel, 4, axis=0)
        projected = ops.matmul(states, own + of_difference) + layer.bias
        projected += ops.matmul(target, of_target - of_difference)
        return projected + ops.matmul(states * target, of_product)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, states_shape: Any, target_shape: Any) -> Any:
        return tuple(states_shape[:-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden_units": list(self.hidden_units)}
