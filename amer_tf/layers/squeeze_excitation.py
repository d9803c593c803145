"""The shortcut beside the aggregation MLP."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class SqueezeExcitation(keras.layers.Layer):
    """Sums features, each weighted by a gate that sees all of them.

    `y = sum_i a_i q_i` with the gates `a = sigmoid(W2 relu(W1 (Q v)))`; `W1` and `W2` are square,
    the expansion ratio is 1.

    Reference: AMER, equation 5, after Hu et al., "Squeeze-and-excitation networks", 2018.
    Xavier initialisation.

    Call arguments:
        features: Float tensor of shape `(..., features, units)`.

    Output shape: `(..., units)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, features_shape: Any) -> None:
        units = require_static_units("SqueezeExcitation", features_shape)
        num_features = features_shape[-2]
        if num_features is None:
            raise ValueError(
                "SqueezeExcitation needs a known number of features. "
                f"Received: features_shape={tuple(features_shape)}"
            )
        self.projection = self.add_weight(
            name="projection", shape=(units, 1), initializer="glorot_uniform"
        )
        self.squeeze = self.add_weight(
            name="squeeze", shape=(num_features, num_features), initializer="glorot_uniform"
        )
        self.excite = self.add_weight(
            name="excite", shape=(num_features, num_features), initializer="glorot_uniform"
        )

    def call(self, features: Any) -> Any:
        gates = ops.squeeze(ops.matmul(features, self.projection), -1)  # [..., Q]
        gates = ops.relu(ops.matmul(gates, self.squeeze))
        gates = ops.sigmoid(ops.matmul(gates, self.excite))
        return ops.sum(features * ops.expand_dims(gates, -1), axis=-2)

    def compute_output_shape(self, features_shape: Any) -> Any:
        return (*features_shape[:-2], features_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
