"""The examples that an evaluation ranks, with their candidates, from the split or a list.

Letters: `B` batch, `C` candidates of a user, `S` events before the example, `U` users, `R` item
rows, `Dq` width of a query.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# A mode of the split, or encoded ids `(U, C)`, the true item first.
Candidates = str | npt.NDArray[np.int32]

# The largest array of a batch, scores or candidate vectors, stays below this.
_MAX_BYTES = 256 * 2**20


class EvaluationError(ValueError):
    """An evaluation that would give meaningless numbers; the message says why."""


class EvaluationSplit(Protocol):
    """What evaluation needs of a validation or test split."""

    @property
    def num_examples(self) -> int: ...

    @property
    def users(self) -> Any:
        """Raw ids of the users, in the order of the examples."""

    def batches(self, batch_size: int, **options: Any) -> Any:
        """Finite batches of `(inputs, labels)` in a fixed order of users."""

    def candidates_hash(self, candidates: str, num_negatives: int, seed: int) -> str:
        """Short digest of the frozen candidates."""


class Batch(NamedTuple):
    inputs: dict[str, Any]
    target: Any  # (B,)
    weight: Any  # (B,)
    candidates: Any  # (B, C), the true item first; None to rank the whole catalogue
    seen: Any  # (B, S); None where it is not needed


def is_full(candidates: Candidates) -> bool:
    """Whether the whole catalogue is to be ranked."""
    return isinstance(candidates, str) and candidates == "full"


def num_candidates(candidates: Candidates, num_negatives: int) -> int:
    """Candidates of a user, `C`."""
    return 1 + num_negatives if isinstance(candidates, str) else candidates.shape[-1]


def floats_of_a_user(candidates: Candidates, num_negatives: int, num_items: int, units: int) -> int:
    """Numbers of the largest array that scoring a user takes.

    Args:
        candidates: A mode, or lists `(U, C)`.
        num_negatives: Frozen negatives of a user.
        num_items: `R`.
        units: `Dq`.

    Returns:
        The scores of the whole catalogue, else the vectors of the candidates.
    """
    return num_items if is_full(candidates) else num_candidates(candidates, num_negatives) * units


def fitting_batch_size(batch_size: int, split: EvaluationSplit, floats: int) -> int:
    """Users of a call: not more than the split has, nor than memory should take.

    Args:
        batch_size: The most.
        split: The split.
        floats: Numbers of the largest array that a user takes.
    """
    return max(1, min(batch_size, split.num_examples, _MAX_BYTES // (4 * floats)))


def batches(
    split: EvaluationSplit,
    batch_size: int,
    candidates: Candidates,
    num_negatives: int,
    seed: int,
    with_seen: bool = False,
) -> Iterator[Batch]:
    """All examples of a split in its order, the last batch filled up with weight 0.

    Args:
        split: The split.
        batch_size: `B`.
        candidates: A mode, or lists `(U, C)`.
        num_negatives: Frozen negatives of a user, for the modes uniform and popular.
        seed: Seed of these.
        with_seen: Whether to give what the users had before in every mode, not in full alone.
    """
    if not isinstance(candidates, str):
        yield from _listed_batches(split, batch_size, candidates, with_seen)
        return
    asked = split.batches(batch_size, candidates=candidates, num_negatives=num_negatives, seed=seed)
    if is_full(candidates):
        for inputs, labels in asked:
            yield Batch(inputs, labels["target"], labels["weight"], None, labels["seen"])
        return
    for (inputs, labels), seen in zip(asked, _seen(split, batch_size, with_seen), strict=False):
        yield Batch(inputs, labels["target"], labels["weight"], labels["candidates"], seen)


def _listed_batches(
    split: EvaluationSplit, batch_size: int, lists: npt.NDArray[np.int32], with_seen: bool
) -> Iterator[Batch]:
    """Batches that carry lists of candidates which are not the split's own."""
    if lists.ndim != 2 or len(lists) != split.num_examples or lists.shape[1] < 2:
        raise EvaluationError(
            "Lists of candidates must have one row for each of the split's "
            f"{split.num_examples} users and at least 2 columns. Received: shape={lists.shape}"
        )
    padded = np.pad(lists, ((0, -len(lists) % batch_size), (0, 0))).astype(np.int32)
    asked = split.batches(batch_size, candidates=None)
    seen_batches = _seen(split, batch_size, with_seen)
    for number, ((inputs, labels), seen) in enumerate(zip(asked, seen_batches, strict=False)):
        rows = padded[number * batch_size : (number + 1) * batch_size]
        target = np.asarray(labels["target"])
        if (rows[:, 0] != target).any():
            row = int(np.argmax(rows[:, 0] != target))
            raise EvaluationError(
                "The first column of lists of candidates must be the true item. Received: id "
                f"{rows[row, 0]} for user {number * batch_size + row}, whose item is {target[row]}"
            )
        yield Batch(inputs, labels["target"], labels["weight"], tf.constant(rows), seen)


def _seen(split: EvaluationSplit, batch_size: int, wanted: bool) -> Iterator[Any]:
    """What the users of each batch had; None without end where it is not wanted."""
    while not wanted:
        yield None
    for _, labels in split.batches(batch_size, candidates="full"):
        yield labels["seen"]


def events_before(
    split: EvaluationSplit, history_field: str, batch_size: int = 1024
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What each user of a split had before its example, each item once: for closed-form models.

    Args:
        split: The split.
        history_field: Name of the behaviour field of item ids among the inputs.
        batch_size: Users that are read at a time.

    Returns:
        Row of the user in the split and encoded item id of each pair, `(n,)` both.
    """
    users, items = [], []
    start = 0
    for inputs, labels in split.batches(min(batch_size, split.num_examples), candidates="full"):
        # `seen` lacks the events with the true item itself; the newest of them are in the inputs.
        had = np.concatenate([labels["seen"], inputs[history_field]], axis=1)
        rows, columns = np.nonzero(had)
        pairs = np.unique(np.stack([start + rows, had[rows, columns]]), axis=1)
        users.append(pairs[0])
        items.append(pairs[1].astype(np.int64))
        start += len(had)
    return np.concatenate(users), np.concatenate(items)
