"""One vector for a field with several values."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import zero_padded_steps

COMBINERS = ("sum", "mean")


@keras.saving.register_keras_serializable(package="amer_tf")
class MultiHotPooling(keras.layers.Layer):
    """Sum or mean of the embeddings of a field's values.

    `y = sum_v e_v`, or divided by the number of values. Reference: AMER, section 2.1, stage 0,
    which sums.

    Args:
        combiner: `"sum"` or `"mean"`.

    Call arguments:
        embeddings: Float tensor of shape `(..., values, units)`.
        mask: Bool tensor of shape `(..., values)`, true where there is a value, or None.

    Output shape: `(..., units)`; zeros where there is no value.
    """

    def __init__(self, combiner: str = "sum", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if combiner not in COMBINERS:
            raise ValueError(
                f"`combiner` must be one of {', '.join(COMBINERS)}. Received: combiner={combiner!r}"
            )
        self.combiner = combiner
        self.supports_masking = True

    def call(self, embeddings: Any, mask: Any | None = None) -> Any:
        total = ops.sum(zero_padded_steps(embeddings, mask), axis=-2)
        if self.combiner == "sum":
            return total
        if mask is None:
            return total / ops.cast(ops.shape(embeddings)[-2], total.dtype)
        count = ops.sum(ops.cast(mask, total.dtype), axis=-1, keepdims=True)
        return total / ops.maximum(count, 1)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, embeddings_shape: Any) -> Any:
        return (*embeddings_shape[:-2], embeddings_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "combiner": self.combiner}
