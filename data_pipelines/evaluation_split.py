"""Validation and test examples of a next-item data set, with frozen candidates."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS
from data_pipelines.candidates import (
    MODES,
    UnseenItems,
    distinct_items,
    draw_distinct,
    draw_popular,
    require_enough,
)
from data_pipelines.feeding import dataset_of_steps
from data_pipelines.permutation import random_subset
from data_pipelines.sequence_store import IntArray, SequenceStore
from data_pipelines.training_split import Batch

_UNIFORM, _POPULAR = 3, 4
_HASH_BATCH = 1024


class EvaluationSplit:
    """One example a user: an event to be predicted from what stands before it.

    Args:
        store: The sequences.
        examples: int64 `[examples, 2]`: user, position of the asked event.
    """

    def __init__(self, store: SequenceStore, examples: IntArray) -> None:
        self._store = store
        self._examples = examples

    @property
    def num_examples(self) -> int:
        return len(self._examples)

    @property
    def users(self) -> npt.NDArray[Any]:
        """Raw ids of the users, in the order of the examples."""
        return self._store.raw_users()[self._examples[:, 0]]

    def limit(self, num_examples: int, seed: int = 0) -> EvaluationSplit:
        """The same split restricted to a fixed random subset of its examples, in their order."""
        chosen = random_subset(num_examples, self.num_examples, seed)
        return EvaluationSplit(self._store, self._examples[chosen])

    def batches(
        self,
        batch_size: int,
        *,
        candidates: str | None = "uniform",
        num_negatives: int = 100,
        seed: int = 0,
        limit: int | None = None,
    ) -> Any:
        """All examples once, in the order of users.

        Args:
            batch_size: Examples of a batch, `B`; the last batch is filled up with padding.
            candidates: `"uniform"` or `"popular"` (drawn in proportion to training events): each
                example gets `num_negatives` different items that its user has nowhere in his
                sequence, which depend on the seed and the user alone. `"full"`: the whole catalog
                is to be ranked, without what the user had before. None: neither.
            num_negatives: Candidates beside the true item.
            seed: Seed of the candidates, and of the subset that `limit` takes.
            limit: If given, only a fixed random subset of so many examples.

        Returns: A finite `tf.data.Dataset` of `(inputs, labels)`; `labels` has `target` int32
            `[B]`, `weight` float32 `[B]` (0 for padding), and `candidates` int32
            `[B, 1 + num_negatives]`, the true item first, or `seen` int32 `[B, S]`: the events
            before the example but for those with its own item, padded with 0.
        """
        if candidates not in (*MODES, "full", None):
            raise ValueError(
                f"`candidates` must be one of {', '.join(MODES)}, full, or None. "
                f"Received: candidates={candidates!r}"
            )
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
        split = self if limit is None else self.limit(limit, seed)
        if candidates in MODES:
            split._require_enough_items(candidates, num_negatives)
        make = functools.partial(split.make, batch_size, candidates, num_negatives, seed)
        return dataset_of_steps(make, 0, -(-split.num_examples // batch_size))

    def candidates_hash(
        self, candidates: str = "uniform", num_negatives: int = 100, seed: int = 0
    ) -> str:
        """Short digest of the frozen candidates of all examples, and of who they are for."""
        digest = hashlib.sha256()
        for start in range(0, self.num_examples, _HASH_BATCH):
            users, positions = self._examples[start : start + _HASH_BATCH].T
            targets = self._store.windows(users, positions, positions + 1, 1)
            drawn = self._draw(users, candidates, num_negatives, seed)
            for array in (users, targets, drawn):
                digest.update(np.ascontiguousarray(array, np.int64).tobytes())
        return digest.hexdigest()[:16]

    def make(
        self, batch_size: int, candidates: str | None, num_negatives: int, seed: int, step: int
    ) -> Batch:
        """The batch of a step."""
        numbers = step * batch_size + np.arange(batch_size)
        present = numbers < self.num_examples
        users, positions = self._examples[np.minimum(numbers, self.num_examples - 1)].T
        targets = self._store.windows(users, positions, positions + 1, 1)
        labels: dict[str, npt.NDArray[Any]] = {
            "target": targets[:, 0],
            "weight": present.astype(np.float32),
        }
        if candidates == "full":
            labels["seen"] = self._seen(users, positions, targets)
        elif candidates is not None:
            drawn = self._draw(users, candidates, num_negatives, seed)
            labels["candidates"] = np.concatenate([targets, drawn], axis=1)
        for name, array in labels.items():
            shape = (batch_size,) + (1,) * (array.ndim - 1)
            labels[name] = array * present.reshape(shape).astype(array.dtype)
        return self._store.inputs(users, positions, present), labels

    def _require_enough_items(self, candidates: str, num_negatives: int) -> None:
        # Here and not while batches are made, where TensorFlow would wrap the error in its own.
        store = self._store
        drawable = np.ones(store.num_items + NUM_RESERVED_IDS, bool)
        if candidates == "popular":
            drawable = store.item_counts > 0
        drawable[:NUM_RESERVED_IDS] = False
        users = self._examples[:, 0]
        # Nobody has had more items than events, so that few users have to be looked at.
        for user in users[store.lengths[users] > drawable.sum() - num_negatives]:
            _, items = store.flat(np.array([user]), store.lengths[[user]])
            had = np.unique(items)
            require_enough(int(drawable.sum() - drawable[had].sum()), num_negatives)

    def _seen(
        self, users: IntArray, positions: IntArray, targets: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int32]:
        longest = int(self._examples[:, 1].max())
        seen = self._store.windows(users, np.zeros_like(positions), positions, longest)
        return np.where(seen == targets, 0, seen).astype(np.int32)

    def _draw(
        self, users: IntArray, candidates: str, num_negatives: int, seed: int
    ) -> npt.NDArray[np.int32]:
        store = self._store
        had, starts = distinct_items(*store.flat(users, store.lengths[users]), len(users))
        unseen = UnseenItems(had, starts[:-1], starts[1:], store.num_items)
        if candidates == "uniform":
            return draw_distinct(unseen, num_negatives, seed, _UNIFORM, users[:, None])
        return draw_popular(
            unseen, store.item_counts, num_negatives, seed, _POPULAR, users[:, None]
        )
