"""POP: every user is recommended what most users had."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS


class Popularity:
    """Scores an item by its number of training events; the reference that a model must beat."""

    def __init__(self) -> None:
        self._counts: npt.NDArray[np.float32] | None = None

    def fit(
        self, interactions: tuple[npt.NDArray[Any], npt.NDArray[Any]], num_rows: int
    ) -> Popularity:
        """Counts the training events.

        Args:
            interactions: User index and encoded item id of each event, `(n,)` both.
            num_rows: Item rows, padding and unknown included.
        """
        counts = np.bincount(interactions[1], minlength=num_rows)
        if len(counts) > num_rows:
            raise ValueError(
                f"Item ids must be below `num_rows`. Received: num_rows={num_rows}, "
                f"item id {len(counts) - 1}"
            )
        counts[:NUM_RESERVED_IDS] = 0
        self._counts = counts.astype(np.float32)
        return self

    @property
    def counts(self) -> npt.NDArray[np.float32]:
        """Events of each item row, `(num_rows,)`; 0 of padding and of the unknown item."""
        if self._counts is None:
            raise RuntimeError("Popularity must be fitted before it can score.")
        return self._counts

    def scores(self, histories: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Scores `(B, num_rows)`, the same for all users, for histories `(B, H)`."""
        return np.broadcast_to(self.counts, (len(histories), len(self.counts)))
