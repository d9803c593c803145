"""Scores the paths of a fair group on validation users, all in one compiled call.

Letters: `P` paths, `B` batch, `C` candidates of a user, `U` users, `I` items, `Dq` width of a
query.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from amer_tf.training import rank_counting, ranking_metrics

# The number of items is rounded up to a multiple of this.
_ITEMS_STEP = 4096


class Score(NamedTuple):
    """A validation metric and its standard error, None for a single user."""

    value: float
    standard_error: float | None


class Compiled(NamedTuple):
    """The compiled parts of a scorer, which scorers of one supernet share.

    Attributes:
        item_vectors: Vectors `(I, Dq)` of ids `(I,)`.
        count: Takes `(inputs, positions (B, C), vectors (I, Dq), group)`; gives how many
            candidates each path ranks before the true item, `greater` and `ties`, `(P, B)`.
    """

    item_vectors: Callable[..., Any]
    count: Callable[..., Any]


def compile_parts(supernet: Any) -> Compiled:
    """Compiles, at their first call, what scores the paths of a supernet."""

    @tf.function(jit_compile=True, autograph=False)
    def item_vectors(ids: Any) -> Any:
        return supernet.item_vectors(ids)

    @tf.function(jit_compile=True, autograph=False)
    def count(inputs: Any, positions: Any, vectors: Any, group: Any) -> tuple[Any, Any]:
        queries = supernet(inputs, group, training=False)  # (P, B, Dq)
        scores = ops.einsum("pbd,bcd->pbc", queries, ops.take(vectors, positions, axis=0))
        return rank_counting.rank_counts(scores[..., :1], scores[..., 1:])

    return Compiled(item_vectors, count)


class GroupScorer:
    """Inherited scores of fair groups, on the same users and the same candidates for all.

    Args:
        supernet: Called as `supernet(inputs, group)`, gives queries of shape `(P, B, Dq)`.
        split: Validation split; its frozen candidates are read once and kept.
        metric: Name of the ranking metric, such as `"ndcg@5"`.
        batch_size: Users of a compiled call; the states of more do not fit into a CPU's cache.
        num_negatives: Uniform negatives of a user.
        seed: Seed of the frozen candidates.
        compiled: What `compile_parts` gave for this supernet, to compile it once for several
            scorers; None compiles it.
    """

    def __init__(
        self,
        supernet: Any,
        split: Any,
        *,
        metric: str = "ndcg@5",
        batch_size: int = 100,
        num_negatives: int = 100,
        seed: int = 0,
        compiled: Compiled | None = None,
    ) -> None:
        self.metric = metric
        self.num_users = split.num_examples
        batches = list(
            split.batches(
                min(batch_size, split.num_examples),
                candidates="uniform",
                num_negatives=num_negatives,
                seed=seed,
            )
        )
        self._weights = np.concatenate([labels["weight"].numpy() for _, labels in batches])
        # No item's vector depends on the path or the user: each is computed once a call.
        items = np.stack([labels["candidates"].numpy() for _, labels in batches])
        known, positions = np.unique(items, return_inverse=True)
        # Scorers of other users meet a few items more or less, and are not compiled again.
        size = _ITEMS_STEP * math.ceil(len(known) / _ITEMS_STEP)
        self._items = np.pad(known, (0, size - len(known))).astype(np.int32)
        self._batches = [
            (inputs, tf.constant(rows, tf.int32))
            for (inputs, _), rows in zip(batches, positions.reshape(items.shape), strict=True)
        ]
        self.compiled = compiled if compiled is not None else compile_parts(supernet)

    def __call__(self, group: Any) -> list[Score]:
        """The score of each path of the group, in the order of the paths."""
        group = type(group)(*(ops.convert_to_tensor(part, "int32") for part in group))
        vectors = self.compiled.item_vectors(self._items)
        counted = [
            self.compiled.count(inputs, positions, vectors, group)
            for inputs, positions in self._batches
        ]
        greater = np.concatenate([keras.ops.convert_to_numpy(pair[0]) for pair in counted], axis=1)
        ties = np.concatenate([keras.ops.convert_to_numpy(pair[1]) for pair in counted], axis=1)
        scores = []
        for path in range(greater.shape[0]):
            value, error = ranking_metrics.metric(
                self.metric, greater[path], ties[path], self._weights
            )
            scores.append(Score(value, error))
        return scores
