"""Negatives that all examples of a batch share: uniform, or by a power of popularity."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from amer_tf.features import NUM_RESERVED_IDS


def popularity_weights(counts: Any, power: float) -> npt.NDArray[np.float64]:
    """Weights of items by how often they occur, for `NextItemTrainer`.

    `w_i = count_i ** power`: 0 is uniform over the items that occur, 1 by popularity; padding and
    unknown weigh nothing.

    Reference: the sampling of Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains
    for Session-based Recommendations", 2018, which takes the power 0.75 or 0.5 in most runs.

    Args:
        counts: Non-negative numbers `(num_items,)`: training events of each item id.
        power: `alpha`, in [0, 1].

    Returns:
        `(num_items,)`.

    Raises:
        ValueError: Where the power lies elsewhere.
    """
    if not 0.0 <= power <= 1.0:
        raise ValueError(f"`power` must lie in [0, 1]. Received: power={power}")
    counts = np.asarray(counts, np.float64)
    weights = np.where(counts > 0, np.maximum(counts, 1e-30) ** power, 0.0)
    weights[:NUM_RESERVED_IDS] = 0.0
    return weights


class NegativeSampler:
    """Draws items, padding and unknown never.

    Args:
        num_items: Rows of the item vocabulary, padding and unknown included.
        weights: Non-negative numbers `(num_items,)`, in proportion to which items are drawn; those
            of padding and unknown do not count. None for uniform draws.

    Raises:
        ValueError: Where there is not one weight for each item, or none is positive.
    """

    def __init__(self, num_items: int, weights: Any = None) -> None:
        self.num_items = num_items
        self._cumulative: npt.NDArray[np.float32] | None = None
        if weights is None:
            return
        weights = np.array(weights, np.float64)
        if weights.shape != (num_items,):
            raise ValueError(
                f"`negative_weights` must hold a number for each of {num_items} item ids. "
                f"Received: negative_weights.shape={weights.shape}"
            )
        weights[:NUM_RESERVED_IDS] = 0.0
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise ValueError(
                "`negative_weights` must be finite, none of them negative and one of a known item "
                f"positive. Received: least {weights.min()}, sum {weights.sum()}"
            )
        cumulative = np.cumsum(weights)
        self._cumulative = (cumulative / cumulative[-1]).astype(np.float32)

    def draw(self, count: int, seed: Any) -> Any:
        """`(count,)` item ids.

        Args:
            count: How many.
            seed: A `keras.random.SeedGenerator`.
        """
        if self._cumulative is None:
            return keras.random.randint(
                (count,), NUM_RESERVED_IDS, self.num_items, dtype="int32", seed=seed
            )
        places = keras.random.uniform((count,), dtype="float32", seed=seed)
        # The first item whose sum is above the place, so that one without weight is never drawn.
        return ops.cast(
            ops.searchsorted(ops.convert_to_tensor(self._cumulative), places, side="right"), "int32"
        )
