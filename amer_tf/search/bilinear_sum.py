"""A weighted sum of very many interactions, without any one of them by itself.

Letters: `B` batch, `C` interactions, `N` fields, `P` parents, `K` embedding dimension.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from keras import ops


class BilinearSum:
    """`sum_c <w_c, p_c>` over Hadamard products of fields.

    Each interaction is a field times a parent, the interaction without that field, and many have
    the same parent: with the weights as one matrix `A_k` of `P x N` for each dimension, the sum is
    `sum_k q_k^T A_k e_k` for the parents' products `q`. Nothing of the size `B C` exists.

    Args:
        interactions: Sets of field names, none of them empty.
        fields: Names of the fields, in the order of their rows in the matrix.
    """

    def __init__(self, interactions: Sequence[tuple[str, ...]], fields: Sequence[str]) -> None:
        splits = _split(interactions)
        parents = sorted({parent for parent, _ in splits})
        self._num_fields = len(fields)
        self._num_parents = len(parents)
        self._cells = [
            parents.index(parent) * len(fields) + fields.index(field) for parent, field in splits
        ]
        order = max(map(len, parents))
        # For each rank the row of every parent's field; a row of ones where it ends.
        padded = [
            [fields.index(name) for name in parent] + [len(fields)] * (order - len(parent))
            for parent in parents
        ]
        self._positions = list(zip(*padded, strict=True))

    def __call__(self, matrix: Any, weights: Any) -> Any:
        """The sum, `(B,)`.

        Args:
            matrix: Embeddings of the fields, `(B, N, K)`.
            weights: `(C, K)`, in the order of the interactions.
        """
        size = weights.shape[-1]
        cells = ops.convert_to_tensor(self._cells, "int32")
        flat = ops.segment_sum(weights, cells, self._num_parents * self._num_fields)
        arranged = ops.reshape(flat, (self._num_parents, self._num_fields, size))
        arranged = ops.transpose(arranged, (2, 0, 1))  # [K, P, N]
        own = ops.transpose(matrix, (2, 1, 0))  # [K, N, B]
        products = None
        if self._positions:
            padded = ops.concatenate([own, ops.ones_like(own[:, :1])], axis=1)
            for positions in self._positions:
                factor = ops.take(padded, ops.convert_to_tensor(positions, "int32"), axis=1)
                products = factor if products is None else products * factor
        others = ops.matmul(arranged, own)  # [K, P, B]
        return ops.sum(others if products is None else products * others, axis=(0, 1))


def _split(interactions: Sequence[tuple[str, ...]]) -> list[tuple[tuple[str, ...], str]]:
    """Each interaction as a parent and a field, such that there are few different parents."""
    shared = Counter(
        interaction[:index] + interaction[index + 1 :]
        for interaction in interactions
        for index in range(len(interaction))
    )
    splits = []
    for interaction in interactions:
        options = [
            (interaction[:index] + interaction[index + 1 :], field)
            for index, field in enumerate(interaction)
        ]
        splits.append(max(options, key=lambda option: (shared[option[0]], option[0])))
    return splits
