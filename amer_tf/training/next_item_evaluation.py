"""Ranks the true next item of every user among candidates or the whole catalogue.

Letters: `B` batch, `C` candidates of a user, `S` events before the example, `U` users, `R` item
rows (padding, unknown, items), `Dq` width of a query.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from amer_tf.features import NUM_RESERVED_IDS
from amer_tf.training import ranking_metrics
from amer_tf.training.evaluation_batches import (
    Batch,
    Candidates,
    EvaluationError,
    EvaluationSplit,
    batches,
    fitting_batch_size,
    floats_of_a_user,
    is_full,
)
from amer_tf.training.item_vectors import all_item_vectors
from amer_tf.training.rank_counting import rank_candidates, rank_catalog


class Ranks(NamedTuple):
    """Where the true item of each user stands among the others.

    Attributes:
        greater: Integers `(U,)`: how many others score higher.
        ties: Integers `(U,)`: how many score the same.
        weights: Floats `(U,)`, of the users.
    """

    greater: npt.NDArray[np.int64]
    ties: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


class NextItemEvaluator:
    """Evaluates one network on any split and candidates, compiling its two sides once.

    Args:
        network: Gives `query(inputs, training)` and `item_vectors(ids)`; the score of an item is
            their inner product.
        num_items: Rows `R` of the item vocabulary, padding and unknown included.
        batch_size: Users of a compiled call; fewer where their scores would take too much memory.
        jit_compile: Whether XLA compiles the calls.
    """

    def __init__(
        self, network: Any, num_items: int, *, batch_size: int = 512, jit_compile: bool = True
    ) -> None:
        if num_items <= NUM_RESERVED_IDS:
            raise EvaluationError(
                "`num_items` must count at least one item beside padding and unknown. "
                f"Received: num_items={num_items}"
            )
        self._num_items = num_items
        self._batch_size = batch_size

        def compiled(function: Callable[..., Any]) -> Any:
            # TensorFlow warns of a function that is traced again and again, as is right for many
            # networks; it takes each `partial` for a function of its own.
            bound = functools.partial(function, network)
            return tf.function(bound, jit_compile=jit_compile, autograph=False)

        self._item_vectors = compiled(_item_vectors)
        self._rank_in_lists = compiled(_rank_in_lists)
        self._rank_in_catalog = compiled(_rank_in_catalog)

    def evaluate(
        self,
        split: EvaluationSplit,
        *,
        candidates: Candidates = "uniform",
        num_negatives: int = 100,
        seed: int = 0,
        ks: Sequence[int] = (1, 5, 10),
    ) -> dict[str, Any]:
        """HR@k, NDCG@k and MRR of the true items; see `evaluate`."""
        ranks = self.ranks(split, candidates=candidates, num_negatives=num_negatives, seed=seed)
        return summarise(split, ranks, candidates, num_negatives, seed, ks)

    def ranks(
        self,
        split: EvaluationSplit,
        *,
        candidates: Candidates = "uniform",
        num_negatives: int = 100,
        seed: int = 0,
    ) -> Ranks:
        """Where the true items stand, each by itself; arguments as in `evaluate`."""
        vectors = all_item_vectors(self._item_vectors, self._num_items)
        units = int(vectors.shape[-1])
        floats = floats_of_a_user(candidates, num_negatives, self._num_items, units)
        batch_size = fitting_batch_size(self._batch_size, split, floats)

        def rank(batch: Batch) -> tuple[Any, ...]:
            if batch.candidates is None:
                return self._rank_in_catalog(batch.inputs, batch.target, batch.seen, vectors)
            return self._rank_in_lists(batch.inputs, batch.candidates, vectors)

        asked = batches(split, batch_size, candidates, num_negatives, seed)
        return _count(rank, asked, batch_size)


def _item_vectors(network: Any, ids: Any) -> Any:
    return ops.cast(network.item_vectors(ids), "float32")


def _rank_in_lists(network: Any, inputs: Any, candidates: Any, vectors: Any) -> tuple[Any, ...]:
    queries = ops.cast(network.query(inputs, training=False), "float32")
    scores = ops.einsum("bd,bcd->bc", queries, ops.take(vectors, candidates, axis=0))
    return rank_candidates(scores, candidates)


def _rank_in_catalog(
    network: Any, inputs: Any, target: Any, seen: Any, vectors: Any
) -> tuple[Any, ...]:
    queries = ops.cast(network.query(inputs, training=False), "float32")
    return rank_catalog(ops.matmul(queries, ops.transpose(vectors)), target, seen)


def evaluate(
    network: Any,
    split: EvaluationSplit,
    *,
    num_items: int,
    candidates: Candidates = "uniform",
    num_negatives: int = 100,
    seed: int = 0,
    ks: Sequence[int] = (1, 5, 10),
    batch_size: int = 512,
) -> dict[str, Any]:
    """Evaluates a network on a split once; `NextItemEvaluator` keeps what is compiled.

    Args:
        network: Gives `query(inputs, training)` and `item_vectors(ids)`.
        split: Validation or test split.
        num_items: Rows of the item vocabulary, padding and unknown included.
        candidates: `"uniform"` or `"popular"`: the split's frozen negatives. `"full"`: all known
            items but those the user had before. Or int32 `(U, C)`: own lists of encoded ids, the
            true item first (see `candidate_lists.read_candidates`).
        num_negatives: Frozen negatives of a user.
        seed: Seed of the frozen negatives.
        ks: Cut-offs.
        batch_size: Users of a compiled call.

    Returns:
        `"hr@K"`, `"ndcg@K"`, `"mrr"`; `"standard_errors"` of these by name, None for one user;
        `"count"` of users; `"mode"`, one of uniform, popular, full, file; `"num_negatives"`,
        `"seed"` and `"digest"` of the candidates, None where they do not apply. Ties count as
        broken at random; a true item that the vocabulary does not know ranks last.

    Raises:
        EvaluationError: Where a score is not finite or the lists do not fit the split.
    """
    evaluator = NextItemEvaluator(network, num_items, batch_size=batch_size)
    return evaluator.evaluate(
        split, candidates=candidates, num_negatives=num_negatives, seed=seed, ks=ks
    )


def evaluate_scores(
    score_function: Callable[[npt.NDArray[np.int32]], Any],
    split: EvaluationSplit,
    *,
    history_field: str,
    num_items: int | None = None,
    candidates: Candidates = "uniform",
    num_negatives: int = 100,
    seed: int = 0,
    ks: Sequence[int] = (1, 5, 10),
    batch_size: int = 512,
) -> dict[str, Any]:
    """The same for a system that is no network, such as POP and EASE.

    Args:
        score_function: As in `rank_scores`.
        split: Validation or test split.
        history_field: Name of the behaviour field of item ids among the inputs.
        num_items: As in `rank_scores`.
        candidates: As in `evaluate`.
        num_negatives: As in `evaluate`.
        seed: As in `evaluate`.
        ks: Cut-offs.
        batch_size: Users of a call.

    Returns:
        As `evaluate`.
    """
    ranks = rank_scores(
        score_function,
        split,
        history_field=history_field,
        num_items=num_items,
        candidates=candidates,
        num_negatives=num_negatives,
        seed=seed,
        batch_size=batch_size,
    )
    return summarise(split, ranks, candidates, num_negatives, seed, ks)


def rank_scores(
    score_function: Callable[[npt.NDArray[np.int32]], Any],
    split: EvaluationSplit,
    *,
    history_field: str,
    num_items: int | None = None,
    candidates: Candidates = "uniform",
    num_negatives: int = 100,
    seed: int = 0,
    batch_size: int = 512,
) -> Ranks:
    """Where the true items stand by the scores of a system that is no network.

    Args:
        score_function: From the items a user had, int32 `(B, H)` padded with 0, in no order and
            with repetitions, to scores `(B, R)` of all item rows.
        split: Validation or test split.
        history_field: Name of the behaviour field of item ids among the inputs.
        num_items: Item rows `R`; for many the users of a call are fewer, so that their scores do
            not take too much memory. None for `batch_size` users whatever the catalogue.
        candidates: As in `evaluate`.
        num_negatives: As in `evaluate`.
        seed: As in `evaluate`.
        batch_size: Users of a call.
    """

    def rank(batch: Batch) -> tuple[Any, ...]:
        # `seen` lacks the events with the true item itself; the newest of them are in the inputs.
        history = np.concatenate([batch.seen, batch.inputs[history_field]], axis=1)
        scores = np.asarray(score_function(history), np.float32)
        if scores.ndim != 2 or len(scores) != len(history):
            raise EvaluationError(
                f"`score_function` must give one row of scores a user, {len(history)} here. "
                f"Received: shape={scores.shape}"
            )
        if batch.candidates is None:
            return rank_catalog(scores, batch.target, batch.seen)
        chosen = np.take_along_axis(scores, np.asarray(batch.candidates, np.int64), axis=1)
        return rank_candidates(chosen, batch.candidates)

    batch_size = fitting_batch_size(batch_size, split, num_items or 1)
    asked = batches(split, batch_size, candidates, num_negatives, seed, with_seen=True)
    return _count(rank, asked, batch_size)


def _count(
    rank: Callable[[Batch], tuple[Any, ...]], batches: Iterator[Batch], batch_size: int
) -> Ranks:
    """The ranks of all users, batch by batch."""
    counted = []
    for number, batch in enumerate(batches):
        greater, ties, finite = (np.asarray(part) for part in rank(batch))
        weight = np.asarray(batch.weight)
        broken = (weight > 0) & ~finite
        if broken.any():
            raise EvaluationError(
                "The scores of an evaluation must be finite: the model has diverged or its "
                f"weights are damaged. Received: NaN or infinite scores for {broken.sum()} users "
                f"of batch {number}, first for user {number * batch_size + broken.argmax()}"
            )
        counted.append((greater[weight > 0], ties[weight > 0], weight[weight > 0]))
    return Ranks(*(np.concatenate(parts) for parts in zip(*counted, strict=True)))


def summarise(
    split: EvaluationSplit,
    ranks: Ranks,
    candidates: Candidates = "uniform",
    num_negatives: int = 100,
    seed: int = 0,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, Any]:
    """What `evaluate` gives, of ranks that are known."""
    greater, ties, weights = ranks
    names = ranking_metrics.names(tuple(ks))
    found = {name: ranking_metrics.metric(name, greater, ties, weights) for name in names}
    described: dict[str, Any] = {"num_negatives": None, "seed": None, "digest": None}
    if not isinstance(candidates, str):
        digest = hashlib.sha256(np.ascontiguousarray(candidates, np.int64).tobytes())
        described["num_negatives"] = candidates.shape[1] - 1
        described["digest"] = digest.hexdigest()[:16]
    elif not is_full(candidates):
        digest_of_split = split.candidates_hash(candidates, num_negatives, seed)
        described = {"num_negatives": num_negatives, "seed": seed, "digest": digest_of_split}
    return {
        **{name: estimate.value for name, estimate in found.items()},
        "standard_errors": {name: estimate.standard_error for name, estimate in found.items()},
        "count": len(greater),
        "mode": candidates if isinstance(candidates, str) else "file",
        **described,
    }
