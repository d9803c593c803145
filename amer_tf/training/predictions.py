"""What a model predicts for each user of a split, and files of it for others to score.

Letters: `B` batch, `C` candidates of a user, `S` events before the example, `U` users, `R` item
rows, `Dq` width of a query.
"""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from amer_tf.features import NUM_RESERVED_IDS, PADDING_ID
from amer_tf.files import temporary_path
from amer_tf.training.evaluation_batches import (
    Candidates,
    EvaluationError,
    EvaluationSplit,
    batches,
    fitting_batch_size,
    floats_of_a_user,
)
from amer_tf.training.item_vectors import all_item_vectors

SUFFIXES = (".csv", ".npy")


class Predictions(NamedTuple):
    """Scored items of each user of a split, in its order.

    Attributes:
        items: Encoded ids, int32 `(U, C)`; 0 where a user has fewer.
        scores: float32 `(U, C)`.
    """

    items: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]


def predict(
    network: Any,
    split: EvaluationSplit,
    *,
    num_items: int,
    candidates: Candidates = "full",
    num_negatives: int = 100,
    seed: int = 0,
    top_k: int = 10,
    batch_size: int = 256,
) -> Predictions:
    """Scores candidates, or finds the best items, for each user of a split.

    Args:
        network: Gives `query(inputs, training)` and `item_vectors(ids)`.
        split: Validation or test split.
        num_items: Rows `R` of the item vocabulary, padding and unknown included.
        candidates: As in `next_item_evaluation.evaluate`. Lists are scored in their own order,
            the true item first; `"full"` gives the best items among those that it ranks.
        num_negatives: Frozen negatives of a user.
        seed: Seed of the frozen negatives.
        top_k: How many items `"full"` gives.
        batch_size: Users of a call; fewer where their scores would take too much memory.

    Returns:
        Items and their scores. Of equal scores the smaller id comes first.
    """
    vectors = all_item_vectors(network.item_vectors, num_items)  # (R, Dq)

    @tf.function(autograph=False)
    def score(inputs: Any, listed: Any) -> Any:
        query = ops.cast(network.query(inputs, training=False), "float32")
        return ops.einsum("bd,bcd->bc", query, ops.take(vectors, listed, axis=0))

    @tf.function(autograph=False)
    def find_best(inputs: Any, seen: Any) -> tuple[Any, Any]:
        query = ops.cast(network.query(inputs, training=False), "float32")
        return _best_unseen(tf.matmul(query, vectors, transpose_b=True), seen, top_k)

    parts = []
    floats = floats_of_a_user(candidates, num_negatives, num_items, int(vectors.shape[-1]))
    batch_size = fitting_batch_size(batch_size, split, floats)
    for batch in batches(split, batch_size, candidates, num_negatives, seed):
        if batch.candidates is None:
            items, found = find_best(batch.inputs, batch.seen)
        else:
            items, found = batch.candidates, score(batch.inputs, batch.candidates)
        present = np.asarray(batch.weight) > 0
        parts.append((np.asarray(items)[present], np.asarray(found)[present]))
    items, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Predictions(items.astype(np.int32), scores.astype(np.float32))


def write_predictions(
    file: str | os.PathLike[str],
    predictions: Predictions,
    values: Sequence[str | int],
    users: Sequence[Any] | npt.NDArray[Any],
) -> pathlib.Path:
    """Writes predictions with raw ids.

    A `.csv` file has the columns user, item and score, and a row for each scored item, in the
    order of the predictions. A `.npy` file holds the scores alone, float32 `(U, C)`.

    Args:
        file: Path that ends in .csv or .npy.
        predictions: What `predict` gave.
        values: Raw ids of the known items; the `n`-th has the encoded id `n + 2`.
        users: Raw ids of the split's users, in its order.

    Raises:
        EvaluationError: Where the file has another suffix or cannot be written.
    """
    path = check_suffix(file)
    temporary = temporary_path(path)
    try:
        if path.suffix == ".npy":
            np.save(temporary, predictions.scores)
        else:
            _write_csv(temporary, predictions, values, users)
        temporary.replace(path)
    except OSError as error:
        raise EvaluationError(f"Predictions cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def check_suffix(file: str | os.PathLike[str]) -> pathlib.Path:
    """The path of a file of predictions.

    Raises:
        EvaluationError: Where the file has another suffix.
    """
    path = pathlib.Path(file)
    if path.suffix not in SUFFIXES:
        raise EvaluationError(
            f"Predictions are written to {' or '.join(SUFFIXES)}. Received: {str(path)!r}"
        )
    return path


def _write_csv(
    file: pathlib.Path,
    predictions: Predictions,
    values: Sequence[str | int],
    users: Sequence[Any] | npt.NDArray[Any],
) -> None:
    # An item of the test that the vocabulary does not know has no raw id.
    raw: list[Any] = [None] * NUM_RESERVED_IDS + list(values)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("user", "item", "score"))
        for user, items, scores in zip(users, *predictions, strict=True):
            for item, score in zip(items.tolist(), scores.tolist(), strict=True):
                if item != PADDING_ID:
                    writer.writerow((user, raw[item], f"{score:.9g}"))


def _best_unseen(scores: Any, seen: Any, top_k: int) -> tuple[Any, Any]:
    """The best items and their scores, `(B, k)`, among the known ones that a user has not had.

    Args:
        scores: `(B, R)`.
        seen: `(B, S)`, padded with 0.
        top_k: At most so many items; padding, of score -inf, where there are fewer.
    """
    reserved = tf.tile(tf.range(NUM_RESERVED_IDS)[None], (tf.shape(scores)[0], 1))
    out = tf.concat([tf.cast(seen, tf.int32), reserved], axis=1)  # (B, S + 2)
    rows = tf.broadcast_to(tf.range(tf.shape(out)[0])[:, None], tf.shape(out))
    removed = tf.fill(tf.shape(out), tf.constant(-np.inf, scores.dtype))
    scores = tf.tensor_scatter_nd_update(scores, tf.stack([rows, out], axis=-1), removed)
    found, best = tf.math.top_k(scores, min(top_k, scores.shape[1]))
    return tf.where(tf.math.is_finite(found), best, PADDING_ID), found
