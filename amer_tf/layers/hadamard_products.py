"""Feature interactions of any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class HadamardProducts(keras.layers.Layer):
    """Multiplies groups of field embeddings, number by number.

    `p_m = e_i * e_j * ... * e_r` for each group `(i, j, ..., r)`. One gather serves all groups;
    shorter ones are filled up with a vector of ones.

    Reference: AMER, section 2.2, choice interactions in stage 2.

    Args:
        interactions: One or more groups, each of one or more different positions on the axis of
            the fields.

    Call arguments:
        embeddings: Float tensor of shape `(..., fields, units)`.

    Output shape: `(..., interactions, units)`.
    """

    def __init__(self, interactions: Sequence[Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for index, group in enumerate(interactions):
            if not group or len(set(group)) < len(group) or min(group) < 0:
                raise ValueError(
                    "Each of `interactions` must be one or more different positions of fields. "
                    f"Received: interactions[{index}]={tuple(group)}"
                )
        if not interactions:
            raise ValueError(
                "`interactions` must hold at least one group of positions. "
                f"Received: interactions={interactions!r}"
            )
        self.interactions = tuple(tuple(group) for group in interactions)
        self.order = max(map(len, self.interactions))

    def build(self, embeddings_shape: Any) -> None:
        num_fields = embeddings_shape[-2]
        for index, group in enumerate(self.interactions):
            if max(group) >= num_fields:
                raise ValueError(
                    f"`interactions` must name positions of {num_fields} fields. "
                    f"Received: interactions[{index}]={group}"
                )

    def call(self, embeddings: Any) -> Any:
        num_fields = embeddings.shape[-2]
        padded = [
            (*group, *[num_fields] * (self.order - len(group))) for group in self.interactions
        ]
        by_rank = [position for rank in zip(*padded, strict=True) for position in rank]
        ones = ops.ones_like(embeddings[..., :1, :])
        factors = ops.take(ops.concatenate([embeddings, ones], axis=-2), by_rank, axis=-2)
        size = len(self.interactions)
        products = factors[..., :size, :]
        for rank in range(1, self.order):
            products = products * factors[..., rank * size : (rank + 1) * size, :]
        return products

    def compute_output_shape(self, embeddings_shape: Any) -> Any:
        return (*embeddings_shape[:-2], len(self.interactions), embeddings_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interactions": [list(group) for group in self.interactions],
        }
