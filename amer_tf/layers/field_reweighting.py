"""Fields weighted by what all of them tell of their importance."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class FieldReweighting(keras.layers.Layer):
    """Multiplies each field embedding by a gate that sees all fields: the SENET of FiBiNET.

    `y_i = a_i e_i` with `a = relu(relu(z W_1) W_2)` and `z_i` the mean of the numbers of `e_i`.
    `SqueezeExcitation` is another one: it learns its `z`, has sigmoid gates, and sums.

    Reference: Huang et al., "FiBiNET: combining feature importance and bilinear feature
    interaction for click-through rate prediction", 2019.

    Args:
        reduction_ratio: Positive integer. Between the matrices there are `fields //
            reduction_ratio` units, at least one.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`.

    Output shape: that of `fields`.
    """

    def __init__(self, reduction_ratio: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if reduction_ratio < 1:
            raise ValueError(
                "`reduction_ratio` must be a positive integer. "
                f"Received: reduction_ratio={reduction_ratio}"
            )
        self.reduction_ratio = reduction_ratio

    def build(self, fields_shape: Any) -> None:
        require_static_units("FieldReweighting", fields_shape)
        num_fields = fields_shape[-2]
        if num_fields is None:
            raise ValueError(
                "FieldReweighting needs a known number of fields. "
                f"Received: fields_shape={tuple(fields_shape)}"
            )
        units = max(1, num_fields // self.reduction_ratio)
        self.squeeze = self.add_weight(name="squeeze", shape=(num_fields, units))
        self.excite = self.add_weight(name="excite", shape=(units, num_fields))

    def call(self, fields: Any) -> Any:
        means = ops.mean(fields, axis=-1)  # [..., fields]
        gates = ops.relu(ops.matmul(ops.relu(ops.matmul(means, self.squeeze)), self.excite))
        return fields * ops.expand_dims(gates, -1)

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return fields_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction_ratio": self.reduction_ratio}
