"""The inner product of each pair of fields."""

from __future__ import annotations

import itertools
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class InnerProducts(keras.layers.Layer):
    """Gives the inner products of all pairs of field embeddings.

    `y = [<e_i, e_j> for i < j]`, the pairs in the order of `itertools.combinations`.

    Reference: Qu et al., "Product-based neural networks for user response prediction", 2016.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`, of two or more fields.

    Output shape: `(..., fields * (fields - 1) / 2)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, fields_shape: Any) -> None:
        num_fields = fields_shape[-2]
        if num_fields is None or num_fields < 2:
            raise ValueError(
                "InnerProducts needs a known number of fields, two or more. "
                f"Received: fields_shape={tuple(fields_shape)}"
            )

    def call(self, fields: Any) -> Any:
        num_fields = fields.shape[-2]
        products = ops.matmul(fields, ops.swapaxes(fields, -1, -2))  # [..., N, N]
        products = ops.reshape(products, (*ops.shape(fields)[:-2], num_fields**2))
        pairs = itertools.combinations(range(num_fields), 2)
        return ops.take(products, [i * num_fields + j for i, j in pairs], axis=-1)

    def compute_output_shape(self, fields_shape: Any) -> Any:
        num_fields = fields_shape[-2]
        return (*fields_shape[:-2], num_fields * (num_fields - 1) // 2)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
