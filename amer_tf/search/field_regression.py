"""Logistic regression of one field at a time, and the contest of many fields for the next place.

NumPy only. Letters: `R` rows, `P` combinations of values of a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from amer_tf.training.fitness import Fitness

BATCH = 512
# Rows of a block at least: fewer say too little of a field with many values.
SMALLEST_BLOCK = 4096
_RATE = 0.1
_TINY = 1e-12

Cells = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]


class FieldRegression:
    """`p = sigmoid(b + sum_p w[c_p])`: one weight for each cell of a field, `b` from outside.

    A mini-batch moves the cells that it touches by gradient descent with a rate for each cell
    (AdaGrad): `g = sum (y - p)` over the rows of the cell, `G += g^2`, `w += rate g / sqrt(G)`.
    Cell 0, the padding, weighs nothing.

    Reference: Luo et al., "AutoCross", 2019, section 4.3.1: while a feature is tried out only its
    own weights are trained, and all that is chosen already is the fixed number `b`.

    Args:
        num_cells: Cells, the padding among them.
    """

    def __init__(self, num_cells: int) -> None:
        self.weights: FloatArray = np.zeros(num_cells)
        self._squares: FloatArray = np.full(num_cells, _TINY)

    def logits(self, cells: Cells) -> FloatArray:
        """`(R,)` of cells `(R, P)`."""
        return np.asarray(self.weights[cells].sum(axis=1))

    def train(self, cells: Cells, labels: Any, offsets: Any) -> None:
        """One step on a mini-batch of cells `(R, P)`, labels and `b` `(R,)`."""
        self.follow(cells, labels - special.expit(offsets + self.logits(cells)))

    def follow(self, cells: Cells, residuals: Any) -> None:
        """One step along `y - p` of a mini-batch, `(R,)`."""
        touched, places = np.unique(cells, return_inverse=True)
        repeated = np.repeat(residuals, cells.shape[1])
        gradients = np.bincount(places.ravel(), repeated, len(touched))
        self._squares[touched] += gradients**2
        self.weights[touched] += _RATE * gradients / np.sqrt(self._squares[touched])
        self.weights[0] = 0.0


class Part(Protocol):
    """Rows in a random order, some to train on or some to validate on.

    Attributes:
        labels: `(R,)` of 0 and 1.
        logits: `b`, what is chosen already gives for each row: `(R,)`.
    """

    labels: Any
    logits: Any

    def cells(self, feature: tuple[str, ...], rows: slice) -> Cells:
        """The cells `(R, P)` of a feature in some rows."""

    def num_cells(self, feature: tuple[str, ...]) -> int:
        """How many cells the feature has, the padding among them."""


class Winner(NamedTuple):
    """The feature that a contest is won by, and its weights."""

    feature: tuple[str, ...]
    regression: FieldRegression


def contest(
    features: Sequence[tuple[str, ...]],
    train: Part,
    validation: Part,
    fitness: Fitness,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> Winner | None:
    """The feature that predicts best on top of what is chosen: successive mini-batch descent.

    All are trained on one block of rows; the better half on two more, the better half of those on
    four more, until one is left. Blocks are as many as that takes, and where they would be small
    the rows are gone through again. What a block has taught is computed again for each round
    instead of being kept, so that the memory is that of one feature.

    Reference: Luo et al., "AutoCross", 2019, algorithm 3.

    Args:
        features: Different ones.
        train: Rows to train on.
        validation: Rows to compare on.
        fitness: What they are compared by.
        is_over: Whether the time is over, asked before each training.

    Returns: None where the time was over before there was a winner.
    """
    num_rounds = max(1, (len(features) - 1).bit_length())
    rows = max(len(train.labels) // (2**num_rounds - 1), SMALLEST_BLOCK)
    block = BATCH * math.ceil(rows / BATCH)
    left, winner = list(features), None
    for number in range(num_rounds):
        scores: list[float] = []
        for feature in left:
            if is_over():
                return None
            regression = fit(feature, train, (2 ** (number + 1) - 1) * block)
            logits = validation.logits + regression.logits(validation.cells(feature, slice(None)))
            score = fitness.score(validation.labels, logits).value
            if not scores or score > max(scores):
                winner = Winner(feature, regression)
            scores.append(score)
        order = sorted(range(len(left)), key=lambda index: -scores[index])
        left = [left[index] for index in order[: (len(left) + 1) // 2]]
    return winner


def fit(feature: tuple[str, ...], train: Part, num_rows: int) -> FieldRegression:
    """Trains a feature on so many rows from the first on; where they end, they begin again."""
    regression = FieldRegression(train.num_cells(feature))
    size = len(train.labels)
    cells = train.cells(feature, slice(0, min(num_rows, size)))
    for start in range(0, num_rows, BATCH):
        rows = np.arange(start, min(start + BATCH, num_rows)) % size
        regression.train(cells[rows], train.labels[rows], train.logits[rows])
    return regression


def fit_together(
    features: Sequence[tuple[str, ...]],
    train: Part,
    validation: Part,
    fitness: Fitness,
    most_passes: int = 10,
) -> None:
    """Trains features at once, and adds what they give to the logits of both parts.

    Goes through the rows until the validation part is predicted no better.
    """
    regressions = [FieldRegression(train.num_cells(feature)) for feature in features]
    columns = [
        [part.cells(feature, slice(None)) for feature in features] for part in (train, validation)
    ]
    offsets = train.logits, validation.logits
    best = float("-inf")
    for _ in range(most_passes):
        for start in range(0, len(train.labels), BATCH):
            rows = slice(start, start + BATCH)
            cells = [column[rows] for column in columns[0]]
            logits = offsets[0][rows] + _sum(regressions, cells)
            residuals = train.labels[rows] - special.expit(logits)
            for regression, each in zip(regressions, cells, strict=True):
                regression.follow(each, residuals)
        given = [
            offset + _sum(regressions, cells)
            for offset, cells in zip(offsets, columns, strict=True)
        ]
        score = fitness.score(validation.labels, given[1]).value
        if score <= best:
            return
        best = score
        train.logits, validation.logits = given


def _sum(regressions: Sequence[FieldRegression], columns: Sequence[Cells]) -> Any:
    return sum(
        regression.logits(cells) for regression, cells in zip(regressions, columns, strict=True)
    )
