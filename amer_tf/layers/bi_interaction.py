"""All pairs of fields pooled to one vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class BiInteraction(keras.layers.Layer):
    """Sums the products of all pairs of field embeddings, number by number.

    `y = sum_{i < j} e_i * e_j = ((sum_i e_i)^2 - sum_i e_i^2) / 2`.

    Reference: He and Chua, "Neural factorization machines for sparse predictive analytics", 2017,
    equations 3 and 4.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`.

    Output shape: `(..., units)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, fields: Any) -> Any:
        squared_sum = ops.square(ops.sum(fields, axis=-2))
        return (squared_sum - ops.sum(ops.square(fields), axis=-2)) / 2.0

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return (*fields_shape[:-2], fields_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
