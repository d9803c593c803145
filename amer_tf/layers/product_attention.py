"""Attention over the products of pairs."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class ProductAttention(keras.layers.Layer):
    """Pools the products of pairs of fields, weighted by how much each tells.

    `y = sum_m a_m p_m` with `a = softmax_m(h^T relu(W p_m + b))`.

    Reference: Xiao et al., "Attentional factorization machines", 2017, equations 4 and 5.

    Args:
        units: Positive integer, the attention factor: rows of `W`.

    Call arguments:
        products: Float tensor of shape `(..., pairs, width)`.

    Output shape: `(..., width)`.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"`units` must be a positive integer. Received: units={units}")
        self.units = units

    def build(self, products_shape: Any) -> None:
        width = require_static_units("ProductAttention", products_shape)
        self.kernel = self.add_weight(name="kernel", shape=(width, self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.projection = self.add_weight(name="projection", shape=(self.units, 1))

    def call(self, products: Any) -> Any:
        hidden = ops.relu(ops.matmul(products, self.kernel) + self.bias)
        scores = ops.matmul(hidden, self.projection)  # [..., pairs, 1]
        return ops.sum(products * ops.softmax(scores, axis=-2), axis=-2)

    def compute_output_shape(self, products_shape: Any) -> Any:
        return (*products_shape[:-2], products_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
