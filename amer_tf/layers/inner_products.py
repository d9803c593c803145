"""The inner product of each pair of fields."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class InnerProducts(keras.layers.Layer):
    """Gives the inner products of all pairs of field embeddings, or of chosen ones.

    `y = [<e_i, e_j> for i < j]`, the pairs in the order of `itertools.combinations`.

    Reference: Qu et al., "Product-based neural networks for user response prediction", 2016.

    Args:
        pairs: One or more pairs of different positions on the axis of the fields; None for all.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`, of two or more fields.

    Output shape: `(..., pairs)`, which for all of them is `fields * (fields - 1) / 2`.
    """

    def __init__(self, pairs: Sequence[Sequence[int]] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pairs is not None:
            for pair in pairs:
                if len(pair) != 2 or pair[0] == pair[1] or min(pair) < 0:
                    raise ValueError(
                        "Each of `pairs` must be two different positions of fields. "
                        f"Received: {tuple(pair)}"
                    )
            if not pairs:
                raise ValueError("`pairs` must hold at least one pair. Received: pairs=()")
            pairs = tuple((i, j) for i, j in pairs)
        self.pairs = pairs

    def build(self, fields_shape: Any) -> None:
        num_fields = fields_shape[-2]
        if num_fields is None or num_fields < 2:
            raise ValueError(
                "InnerProducts needs a known number of fields, two or more. "
                f"Received: fields_shape={tuple(fields_shape)}"
            )
        for pair in self.pairs or ():
            if max(pair) >= num_fields:
                raise ValueError(
                    f"`pairs` must hold positions of {num_fields} fields. Received: {pair}"
                )

    def call(self, fields: Any) -> Any:
        num_fields = fields.shape[-2]
        products = ops.matmul(fields, ops.swapaxes(fields, -1, -2))  # [..., N, N]
        products = ops.reshape(products, (*ops.shape(fields)[:-2], num_fields**2))
        positions = [i * num_fields + j for i, j in self._chosen(num_fields)]
        return ops.take(products, positions, axis=-1)

    def _chosen(self, num_fields: int) -> Sequence[Sequence[int]]:
        return self.pairs or list(itertools.combinations(range(num_fields), 2))

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return (*fields_shape[:-2], len(self._chosen(fields_shape[-2])))

    def get_config(self) -> dict[str, Any]:
        pairs = None if self.pairs is None else [list(pair) for pair in self.pairs]
        return {**super().get_config(), "pairs": pairs}
