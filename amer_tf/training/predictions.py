"""What a model predicts for each user of a split, and files of it for others to score.

Letters: `B` batch, `C` candidates of a user, `U` users, `R` item rows, `Dq` width of a query.
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
from amer_tf.training.evaluation_batches import (
    Batch,
    Candidates,
    EvaluationError,
    EvaluationSplit,
    batches,
)

_ROWS_PER_CALL = 8192
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
        batch_size: Users of a call.

    Returns:
        Items and their scores.
    """
    vectors = _item_vectors(network, num_items)  # (R, Dq)

    @tf.function(autograph=False)
    def query_of(inputs: Any) -> Any:
        return ops.cast(network.query(inputs, training=False), "float32")

    parts = []
    batch_size = min(batch_size, split.num_examples)
    for batch in batches(split, batch_size, candidates, num_negatives, seed):
        scores = tf.matmul(query_of(batch.inputs), vectors, transpose_b=True).numpy()  # (B, R)
        items, found = _chosen(scores, batch, top_k)
        present = np.asarray(batch.weight) > 0
        parts.append((items[present], found[present]))
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
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
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


def _item_vectors(network: Any, num_items: int) -> Any:
    starts = range(0, num_items, _ROWS_PER_CALL)
    chunks = [
        network.item_vectors(tf.range(start, min(start + _ROWS_PER_CALL, num_items)))
        for start in starts
    ]
    return tf.cast(tf.concat(chunks, axis=0), tf.float32)


def _chosen(
    scores: npt.NDArray[np.float32], batch: Batch, top_k: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Items and scores `(B, C)` of the candidates, or of the best unseen items."""
    if batch.candidates is not None:
        listed = np.asarray(batch.candidates)
        return listed, np.take_along_axis(scores, listed.astype(np.int64), axis=1)
    scores[:, :NUM_RESERVED_IDS] = -np.inf
    np.put_along_axis(scores, np.asarray(batch.seen, np.int64), -np.inf, axis=1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    found = np.take_along_axis(scores, best, axis=1)
    return np.where(np.isfinite(found), best, PADDING_ID), found
