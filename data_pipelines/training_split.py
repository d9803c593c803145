"""The endless stream of next-item training batches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.candidates import draw_uniform
from data_pipelines.feeding import dataset_of_steps, shuffled_examples
from data_pipelines.random_streams import random_integers
from data_pipelines.sequence_store import IntArray, SequenceStore

_CUT, _NEGATIVES = 1, 2
# What an example asks for.
ASKS = ("cut", "every_position", "each_event")
Batch = tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]


class TrainingSplit:
    """Training events of all users; an example is a user with at least two of them.

    Where each event is asked for, an example is an event.

    Args:
        store: The users' sequences.
        catalog: What is known of each item, int32 `[item ids, width]`, or None.
    """

    def __init__(self, store: SequenceStore, catalog: IntArray | None = None) -> None:
        self._store = store
        self.catalog = catalog
        self._users = np.flatnonzero(store.train_length >= 2)

    @property
    def num_examples(self) -> int:
        """Examples in an epoch, however they ask."""
        return len(self._users)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        first_step: int = 0,
        num_steps: int | None = None,
        num_positives: int = 5,
        num_negatives: int = 5,
        ask: str = "cut",
    ) -> Any:
        """Full batches in a new random order each epoch, without end unless `num_steps` is given.

        Every example comes once before any comes again; a batch may reach over the end of such an
        epoch. A batch depends on the seed and its step only, so that `first_step` goes on exactly.

        Args:
            batch_size: Examples of a batch, `B`.
            seed: Seed of order, cuts and negatives.
            first_step: Number of the first batch.
            num_steps: Number of batches; None for no end.
            num_positives: The next items after the cut, `P`.
            num_negatives: Items for each example that its user has no training event with.
            ask: `"cut"`: a history that ends at a random place, with at least one item in it, asks
                for the next items. `"every_position"`: each step of the whole history asks for its
                next item, as in SASRec; positives and negatives are `[B, T]` then, the numbers
                above are not used, and context fields are those of the last event.
                `"each_event"`: each event is asked for, given the history before it, which is empty
                for a user's first; positives are `[B, 1]`.

        Returns: A `tf.data.Dataset` of `(inputs, labels)`: `inputs` by field name, `labels` with
            `positives` int32 `[B, P]` and `negatives` int32 `[B, num_negatives]`, padded with 0.
        """
        if ask not in ASKS:
            raise ValueError(f"`ask` must be one of {', '.join(ASKS)}. Received: ask={ask!r}")
        makers: dict[str, Callable[[int, int, int], Batch]] = {
            "cut": functools.partial(
                self.make_cut, num_positives=num_positives, num_negatives=num_negatives
            ),
            "every_position": self.make_every_position,
            "each_event": functools.partial(self.make_each_event, num_negatives=num_negatives),
        }
        make = makers[ask]
        return dataset_of_steps(functools.partial(make, batch_size, seed), first_step, num_steps)

    def make_cut(
        self, batch_size: int, seed: int, step: int, *, num_positives: int, num_negatives: int
    ) -> Batch:
        """The batch of a step: histories cut at random, with at least one item before the cut."""
        store = self._store
        counters, users = self._examples(batch_size, seed, step)
        lengths = store.train_length[users]
        cuts = 1 + random_integers(lengths - 1, seed, _CUT, counters)
        ends = np.minimum(cuts + num_positives, lengths)
        positives = store.windows(users, cuts, ends, num_positives)
        unseen = store.untrained_items(users)
        negatives = draw_uniform(unseen, num_negatives, seed, _NEGATIVES, counters[:, None])
        return store.inputs(users, cuts), {
            "positives": _known(positives),
            "negatives": negatives,
        }

    def make_every_position(self, batch_size: int, seed: int, step: int) -> Batch:
        """The batch of a step: whole histories, and the next item at each of their steps."""
        store, steps = self._store, self._store.spec.max_length
        counters, users = self._examples(batch_size, seed, step)
        lengths = store.train_length[users]
        positives = store.windows(users, np.maximum(lengths - steps, 1), lengths, steps)
        unseen = store.untrained_items(users)
        negatives = draw_uniform(unseen, steps, seed, _NEGATIVES, counters[:, None])
        return store.inputs(users, lengths - 1), {
            "positives": _known(positives),
            "negatives": np.where(positives > 0, negatives, 0).astype(np.int32),
        }

    def make_each_event(
        self, batch_size: int, seed: int, step: int, *, num_negatives: int
    ) -> Batch:
        """The batch of a step: events, and the histories before them."""
        store = self._store
        ends = np.cumsum(store.train_length)
        counters, chosen = shuffled_examples(step, batch_size, int(ends[-1]), seed)
        users = np.searchsorted(ends, chosen, side="right")
        places = chosen - (ends - store.train_length)[users]
        unseen = store.untrained_items(users)
        negatives = draw_uniform(unseen, num_negatives, seed, _NEGATIVES, counters[:, None])
        return store.inputs(users, places), {
            "positives": _known(store.windows(users, places, places + 1, 1)),
            "negatives": negatives,
        }

    def _examples(self, batch_size: int, seed: int, step: int) -> tuple[IntArray, IntArray]:
        counters, chosen = shuffled_examples(step, batch_size, self.num_examples, seed)
        return counters, self._users[chosen]

    def interactions(self) -> tuple[IntArray, npt.NDArray[np.int32]]:
        """All training events: index of the user, item id; in the order of users and time."""
        users = np.arange(len(self._store.train_length))
        return self._store.flat(users, self._store.train_length)

    def item_counts(self) -> IntArray:
        """int64 `[item ids]`: training events of each item id."""
        return self._store.item_counts


def _known(items: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    # An item outside the vocabulary cannot be recommended, so nothing is learned from it.
    return np.where(items >= 2, items, 0).astype(np.int32)
