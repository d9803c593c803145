"""The activation that adapts to the data."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class Dice(keras.layers.Layer):
    """A leaky ReLU whose corner moves with the distribution of its input.

    `y = g x + (1 - g) alpha x` with `g = sigmoid((x - E[x]) / sqrt(Var[x] + epsilon))` for each
    unit; mean and variance are those of the batch in training, and moving averages otherwise.

    Reference: Zhou et al., "Deep Interest Network", 2018, section 5.3. `alpha` starts at 0.

    Args:
        momentum: Float in [0, 1). What the moving averages keep in a training step.
        epsilon: Small positive float.

    Call arguments:
        inputs: Float tensor of shape `(..., batch, units)`; leading axes are paths, each of which
            has a mean and variance of its own in training.
        active: Float tensor of shape `(..., 1, units)`, 1 where a path has the unit and 0 where
            it has not, or None for all. Only active units enter the moving averages.
        training: Whether the batch's own mean and variance are taken.

    Output shape: that of `inputs`.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        if epsilon <= 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon}")
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, inputs_shape: Any) -> None:
        units = require_static_units("Dice", inputs_shape)
        self.alpha = self.add_weight(name="alpha", shape=(units,), initializer="zeros")
        # Moments are kept and computed in float32: a variance need not fit into float16.
        self.moving_mean = self.add_weight(
            name="moving_mean",
            shape=(units,),
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        self.moving_variance = self.add_weight(
            name="moving_variance",
            shape=(units,),
            initializer="ones",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Any, active: Any | None = None, training: bool | None = None) -> Any:
        values = ops.cast(inputs, "float32")
        if training:
            mean = ops.mean(values, axis=-2, keepdims=True)  # [..., 1, U]
            variance = ops.mean(ops.square(values - mean), axis=-2, keepdims=True)
            self._follow(mean, variance, active)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        gate = ops.sigmoid((values - mean) * ops.rsqrt(variance + self.epsilon))
        gate = ops.cast(gate, inputs.dtype)
        return inputs * (gate + self.alpha * (1.0 - gate))

    def _follow(self, mean: Any, variance: Any, active: Any | None) -> None:
        """Moves the averages towards the mean over all paths that have a unit."""
        weights = ops.ones_like(mean) if active is None else ops.cast(active, "float32")
        axes = tuple(range(len(mean.shape) - 1))
        total = ops.sum(weights, axis=axes)
        kept = ops.where(total > 0, self.momentum, 1.0)
        for average, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            new = ops.sum(weights * batch, axis=axes) / ops.maximum(total, 1.0)
            average.assign(kept * average + (1.0 - kept) * new)

    def compute_output_shape(self, inputs_shape: Any) -> Any:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}
