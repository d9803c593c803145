"""Which interactions are worth training: what the cells of their values say of the labels.

NumPy only. Letters: `R` rows, `N` fields.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_BUCKETS = 1 << 22
# Rows that a cell's mean is drawn towards 0 by. Where much of a mean is left, whatever splits its
# cell up further seems to explain it.
_SHRINKAGE = 1.0
# Means of one kind of cell come back in part when those of another are taken away.
_SWEEPS = 2
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

FloatArray = npt.NDArray[np.float64]


class Screening:
    """Scores interactions by how much labels agree within cells beyond what smaller cells say.

    A cell of an interaction holds the rows with the same values of its fields. With the residuals
    `r` of the labels after the effects of every interaction with one field less,
    `U = sum over cells of sum_{i != j} r_i r_j`, and the score is `U` over its standard deviation
    without an effect, `sqrt(2 sum over cells of sum_{i != j} r_i^2 r_j^2)`: about standard normal
    for an interaction that says nothing new, or less, since residuals from which means were taken
    repel each other. No model is trained.

    Args:
        ids: int32 `(R,)` for each field: the value of each row; `(R, V)` where it is a set, padded
            with 0.
        labels: `(R,)` of 0 and 1.
    """

    def __init__(self, ids: Mapping[str, npt.NDArray[Any]], labels: npt.NDArray[Any]) -> None:
        self._ids = {name: _codes(np.asarray(values)) for name, values in ids.items()}
        labels = np.asarray(labels, np.float64)
        self._num_buckets = min(_MOST_BUCKETS, 1 << (4 * len(labels)).bit_length())
        residuals = labels - labels.mean()
        for name in ids:
            residuals = _without(residuals, *self._counted((name,)))
        self._residuals = residuals

    def scores(self, interactions: Sequence[tuple[str, ...]]) -> FloatArray:
        """The score of each interaction, of two fields or more."""
        return np.array([self._score(group) for group in interactions])

    def _score(self, group: tuple[str, ...]) -> float:
        residuals = self._residuals
        if len(group) > 2:
            smaller = itertools.combinations(group, len(group) - 1)
            for cells, counts in [self._counted(part) for part in smaller] * _SWEEPS:
                residuals = _without(residuals, cells, counts)
        cells = self._cells(group)
        squares = residuals**2
        sums, totals, fourths = (
            np.bincount(cells, values, self._num_buckets)
            for values in (residuals, squares, squares**2)
        )
        variance = 2.0 * float((totals**2 - fourths).sum())
        return float((sums**2 - totals).sum()) / np.sqrt(max(variance, 1e-12))

    def _counted(self, group: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """The cell of each row, and the rows of each cell."""
        cells = self._cells(group)
        return cells, np.bincount(cells, minlength=self._num_buckets).astype(np.float64)

    def _cells(self, group: tuple[str, ...]) -> npt.NDArray[np.int64]:
        """A bucket for each row; different cells may meet in one, which only adds noise."""
        keys = np.zeros_like(self._ids[group[0]])
        for name in group:
            keys = (keys + self._ids[name]) * _MULTIPLIER
            keys ^= keys >> np.uint64(29)
        return (keys % np.uint64(self._num_buckets)).astype(np.int64)


def _without(residuals: FloatArray, cells: npt.NDArray[np.int64], counts: FloatArray) -> FloatArray:
    """The residuals less the mean of their cell, drawn towards 0 where there are few rows."""
    means = np.bincount(cells, residuals, len(counts)) / (counts + _SHRINKAGE)
    return np.asarray(residuals - means[cells])


def _codes(ids: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """One number a row; the same for the same set, in whatever order."""
    codes = ids.astype(np.uint64)
    if codes.ndim == 1:
        return codes
    scrambled = codes * _MULTIPLIER
    scrambled ^= scrambled >> np.uint64(31)
    return np.asarray((scrambled * _MULTIPLIER).sum(axis=1, dtype=np.uint64))
