"""Scores of all items from the weights between items."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# Ids of padding and of the unknown item.
_NUM_RESERVED = 2


@keras.saving.register_keras_serializable(package="amer_tf")
class ItemItemScores(keras.layers.Layer):
    """Adds up the weights from the items of a history to every item.

    `y_j = sum_{i in S} W_ij`, `S` the set of known items in the history: what stands in it twice
    counts once. Padding and the unknown item score 0. The weights are not trained.

    Reference: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019.

    Args:
        num_items: Positive integer `n`, the items without padding (id 0) and unknown (id 1).

    Call arguments:
        ids: Integer tensor of shape `(batch, steps)`, of a known number of steps.

    Output shape: `(batch, n + 2)`.
    """

    def __init__(self, num_items: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_items < 1:
            raise ValueError(f"`num_items` must be positive. Received: num_items={num_items}")
        self.num_items = num_items

    def build(self, ids_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_items, self.num_items),
            initializer="zeros",
            trainable=False,
        )

    def call(self, ids: Any) -> Any:
        ids = ops.cast(ids, "int32")
        steps = ids.shape[1]
        same = ops.expand_dims(ids, 2) == ops.expand_dims(ids, 1)  # [B, T, T]
        positions = ops.arange(steps)
        earlier = ops.expand_dims(positions, 0) < ops.expand_dims(positions, 1)
        repeated = ops.any(same & earlier, axis=2)
        counts = ops.cast((ids >= _NUM_RESERVED) & ~repeated, self.compute_dtype)  # [B, T]
        rows = ops.maximum(ids - _NUM_RESERVED, 0)

        def add(step: Any, total: Any) -> Any:
            weights = ops.take(self.kernel, ops.take(rows, step, axis=1), axis=0)  # [B, n]
            weights = ops.cast(weights, self.compute_dtype)
            return total + weights * ops.expand_dims(ops.take(counts, step, axis=1), 1)

        # A step at a time: the rows of all steps side by side would be steps times as large.
        total = ops.zeros((ops.shape(ids)[0], self.num_items), self.compute_dtype)
        total = ops.fori_loop(0, steps, add, total)
        return ops.pad(total, [[0, 0], [_NUM_RESERVED, 0]])

    def compute_output_shape(self, ids_shape: Any) -> Any:
        return (ids_shape[0], _NUM_RESERVED + self.num_items)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_items": self.num_items}
