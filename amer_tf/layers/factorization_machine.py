"""All pairs of fields at once."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class FactorizationMachine(keras.layers.Layer):
    """Sums the inner products of all pairs of field embeddings.

    `y = sum_{i < j} <e_i, e_j> = sum_k ((sum_i e_ik)^2 - sum_i e_ik^2) / 2`.

    Reference: Rendle, "Factorization machines", 2010, lemma 3.1.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`.

    Output shape: `(..., 1)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, fields: Any) -> Any:
        squared_sum = ops.square(ops.sum(fields, axis=-2))
        sum_of_squares = ops.sum(ops.square(fields), axis=-2)
        return ops.sum(squared_sum - sum_of_squares, axis=-1, keepdims=True) / 2.0

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return (*fields_shape[:-2], 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
