"""The compressed interaction network of xDeepFM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class CompressedInteraction(keras.layers.Layer):
    """Interactions of one order more with each layer, each layer's summed over the embedding.

    `x^k_h = sum_ij W^{k,h}_ij (x^{k-1}_i * x^0_j)` over the fields `x^0`, and `y` holds `sum_d
    x^k_hd` of all rows `h` of all layers `k`.

    Reference: Lian et al., "xDeepFM: combining explicit and implicit feature interactions for
    recommender systems", 2018. Every row is pooled and also goes on; no activation.

    Args:
        sizes: Rows of each layer, one or more positive integers.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`.

    Output shape: `(..., sum of sizes)`.
    """

    def __init__(self, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not sizes or min(sizes) < 1:
            raise ValueError(
                f"`sizes` must be one or more positive integers. Received: sizes={tuple(sizes)}"
            )
        self.sizes = tuple(sizes)

    def build(self, fields_shape: Any) -> None:
        require_static_units("CompressedInteraction", fields_shape)
        num_fields = fields_shape[-2]
        if num_fields is None:
            raise ValueError(
                "CompressedInteraction needs a known number of fields. "
                f"Received: fields_shape={tuple(fields_shape)}"
            )
        self.kernels = [
            self.add_weight(name=f"kernel_{index}", shape=(size, before * num_fields))
            for index, (before, size) in enumerate(
                zip((num_fields, *self.sizes), self.sizes, strict=False)
            )
        ]

    def call(self, fields: Any) -> Any:
        # One product of two matrices for all examples: rows before units would be one for each.
        columns = ops.swapaxes(fields, -1, -2)  # [..., units, fields]
        states, pooled = columns, []
        for kernel in self.kernels:
            # [..., units, rows before, 1] * [..., units, 1, fields]
            products = ops.expand_dims(states, -1) * ops.expand_dims(columns, -2)
            flat = ops.reshape(products, (-1, kernel.shape[-1]))
            states = ops.matmul(flat, ops.transpose(kernel))
            shape = (*ops.shape(columns)[:-1], kernel.shape[0])
            states = ops.reshape(states, shape)  # [..., units, rows]
            pooled.append(ops.sum(states, axis=-2))
        return ops.concatenate(pooled, axis=-1)

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return (*fields_shape[:-2], sum(self.sizes))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sizes": list(self.sizes)}
