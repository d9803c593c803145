"""EASE: a linear model of item-item weights, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse

from amer_tf.features import NUM_RESERVED_IDS

# Rows of the item-item matrix that are worked on at a time.
_BLOCK = 1024


class Ease:
    """Scores `X B`: the sum of the weights from the items that a user had.

    `B` minimises `|X - X B|^2 + l2 |B|^2` with a zero diagonal, `X` the binary user-item matrix:
    with `P = (X^T X + l2 I)^-1`, `B_ij = -P_ij / P_jj` and `B_jj = 0`. One float32 matrix of all
    pairs of items is held, and is inverted in place: 4 bytes a pair, .6 GB for 12,101 items.

    Reference: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019.

    Args:
        l2: Positive float.
    """

    def __init__(self, l2: float = 300.0) -> None:
        if l2 <= 0:
            raise ValueError(f"`l2` must be a positive number. Received: l2={l2}")
        self.l2 = l2
        self._weights: npt.NDArray[np.float32] | None = None

    def fit(self, interactions: tuple[npt.NDArray[Any], npt.NDArray[Any]], num_rows: int) -> Ease:
        """Solves for the weights.

        Args:
            interactions: User index and encoded item id of each event, `(n,)` both; repeated
                events count once, items that the vocabulary does not know not at all.
            num_rows: Item rows, padding and unknown included.
        """
        users, items = (np.asarray(part, np.int64) for part in interactions)
        if len(items) and items.max() >= num_rows:
            raise ValueError(
                f"Item ids must be below `num_rows`. Received: num_rows={num_rows}, "
                f"item id {items.max()}"
            )
        known = items >= NUM_RESERVED_IDS
        _, users = np.unique(users[known], return_inverse=True)
        matrix = _binary(users, items[known] - NUM_RESERVED_IDS, num_rows - NUM_RESERVED_IDS)
        self._weights = _solve(_gram(matrix, self.l2))
        return self

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """`B`, `(n, n)`, of the known items in the order of their ids."""
        if self._weights is None:
            raise RuntimeError("Ease must be fitted before it can score.")
        return self._weights

    def scores(self, histories: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Scores `(B, num_rows)` for all items each user had, `(B, H)` padded with 0.

        Padding and unknown items score 0.
        """
        weights = self.weights
        rows, columns = np.nonzero(histories >= NUM_RESERVED_IDS)
        items = histories[rows, columns] - NUM_RESERVED_IDS
        matrix = _binary(rows, items, len(weights), len(histories))
        scores = np.zeros((len(histories), NUM_RESERVED_IDS + len(weights)), np.float32)
        scores[:, NUM_RESERVED_IDS:] = matrix @ weights
        return scores


def _binary(
    rows: npt.NDArray[Any], items: npt.NDArray[Any], num_items: int, num_rows: int | None = None
) -> Any:
    """The binary matrix `(rows, items)`, sparse."""
    if num_rows is None:
        num_rows = int(rows.max(initial=-1)) + 1
    ones = np.ones(len(rows), np.float32)
    matrix = scipy.sparse.csr_matrix((ones, (rows, items)), shape=(num_rows, num_items))
    matrix.data[:] = 1.0  # what came twice was added up
    return matrix


def _gram(matrix: Any, l2: float) -> npt.NDArray[np.float32]:
    """`X^T X + l2 I`, dense."""
    num_items = matrix.shape[1]
    gram = np.empty((num_items, num_items), np.float32)
    transposed = matrix.T.tocsr()
    for start in range(0, num_items, _BLOCK):
        gram[start : start + _BLOCK] = (transposed[start : start + _BLOCK] @ matrix).toarray()
    gram[np.diag_indices(num_items)] += l2
    return gram


def _solve(gram: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`B` in the memory of `gram`."""
    # LAPACK overwrites arrays of Fortran's order only; a symmetric matrix is its own transpose.
    # Its lower triangle is the upper one of `gram`.
    factor, status = scipy.linalg.lapack.spotrf(gram.T, lower=1, overwrite_a=1, clean=0)
    inverse, failed = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if status or failed:
        raise ValueError(
            "EASE has no solution in float32: raise `l2`. "
            f"Received: LAPACK status {status or failed}"
        )
    weights = inverse.T
    diagonal = weights.diagonal().copy()
    for start in range(0, len(weights), _BLOCK):
        end = start + _BLOCK
        corner = np.triu(weights[start:end, start:end])
        weights[start:end, start:end] = corner + np.triu(corner, 1).T
        weights[end:, start:end] = weights[start:end, end:].T
    for start in range(0, len(weights), _BLOCK):
        weights[start : start + _BLOCK] /= -diagonal
    weights[np.diag_indices(len(weights))] = 0.0
    return weights
