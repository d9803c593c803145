"""Scores the paths of a fair group on validation users, all in one compiled call.

Letters: `P` paths, `B` batch, `C` candidates of a user, `U` users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from amer_tf.training import rank_counting, ranking_metrics


class Score(NamedTuple):
    """A validation metric and its standard error."""

    value: float
    standard_error: float


def compile_counter(supernet: Any) -> Callable[..., Any]:
    """The compiled part of a scorer: how many candidates each path ranks before the true item.

    Takes `(inputs, candidates (B, C), group)`; gives `greater` and `ties`, integers `(P, B)`.
    """

    @tf.function(jit_compile=True, autograph=False)
    def count(inputs: Any, candidates: Any, group: Any) -> tuple[Any, Any]:
        queries = supernet(inputs, group, training=False)  # (P, B, Dq)
        vectors = supernet.item_vectors(candidates)  # (B, C, Dq)
        scores = ops.einsum("pbd,bcd->pbc", queries, vectors)
        return rank_counting.rank_counts(scores[..., :1], scores[..., 1:])

    return count


class GroupScorer:
    """Inherited scores of fair groups, on the same users and the same candidates for all.

    Args:
        supernet: Called as `supernet(inputs, group)`, gives queries of shape `(P, B, Dq)`.
        split: Validation split; its frozen candidates are read once and kept.
        metric: Name of the ranking metric, such as `"ndcg@5"`.
        batch_size: Users of a compiled call.
        num_negatives: Uniform negatives of a user.
        seed: Seed of the frozen candidates.
        counter: What `compile_counter` gave for this supernet, to compile it once for several
            scorers; None compiles it.
    """

    def __init__(
        self,
        supernet: Any,
        split: Any,
        *,
        metric: str = "ndcg@5",
        batch_size: int = 500,
        num_negatives: int = 100,
        seed: int = 0,
        counter: Callable[..., Any] | None = None,
    ) -> None:
        self.metric = metric
        self.num_users = split.num_examples
        self._batches = [
            (inputs, labels["candidates"], labels["weight"])
            for inputs, labels in split.batches(
                min(batch_size, split.num_examples),
                candidates="uniform",
                num_negatives=num_negatives,
                seed=seed,
            )
        ]
        self._weights = np.concatenate([weight.numpy() for _, _, weight in self._batches])

        self.counter = counter if counter is not None else compile_counter(supernet)

    def __call__(self, group: Any) -> list[Score]:
        """The score of each path of the group, in the order of the paths."""
        group = type(group)(*(ops.convert_to_tensor(part, "int32") for part in group))
        counted = [self.counter(inputs, items, group) for inputs, items, _ in self._batches]
        greater = np.concatenate([keras.ops.convert_to_numpy(pair[0]) for pair in counted], axis=1)
        ties = np.concatenate([keras.ops.convert_to_numpy(pair[1]) for pair in counted], axis=1)
        scores = []
        for path in range(greater.shape[0]):
            value, error = ranking_metrics.metric(
                self.metric, greater[path], ties[path], self._weights
            )
            scores.append(Score(value, error))
        return scores
