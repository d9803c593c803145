"""Scores the candidates of an interaction supernet on the same rows, in chunks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

BATCH_ROWS = 1024
CHUNK_CANDIDATES = 64
# Hidden units of all candidates and rows from which on XLA is worth its compilation.
_UNITS_FOR_XLA = 2e9


class CandidateScore(NamedTuple):
    """How good a model is with the fields and one interaction.

    Attributes:
        loss: Mean log loss.
        gain: How much lower that is than without any interaction.
        standard_error: Of the gain, over rows; None for a single row.
    """

    loss: float
    gain: float
    standard_error: float | None


def score_candidates(
    supernet: Any,
    split: Any,
    *,
    batch_rows: int = BATCH_ROWS,
    chunk_candidates: int = CHUNK_CANDIDATES,
    dtype: str = "float32",
    jit_compile: bool | None = None,
) -> list[CandidateScore]:
    """Scores each candidate on every row of a split.

    All candidates see the same rows, so that the rows' own difficulty cancels out in a gain.

    Args:
        supernet: An `InteractionSupernet`.
        split: Validation rows, `TableEvaluationSplit`.
        batch_rows: Rows at a time.
        chunk_candidates: Candidates at a time; memory grows with both.
        dtype: Of the hidden layers: `"bfloat16"` takes half the time where the processor
            multiplies such (AVX512_BF16, AMX, GPUs and TPUs), and very long where it does not.
        jit_compile: Whether XLA compiles the first hidden layer; None where that saves time.
    """
    if jit_compile is None:
        num_units = supernet.projection.units * len(supernet.candidates) * split.num_examples
        jit_compile = num_units >= _UNITS_FOR_XLA
    gains, squares, losses, num_rows = _accumulate(
        supernet, split, min(batch_rows, split.num_examples), chunk_candidates, dtype, jit_compile
    )
    mean_gains = gains / num_rows
    variances = np.maximum(squares / num_rows - mean_gains**2, 0.0)
    errors = np.sqrt(variances / max(1, num_rows - 1))
    return [
        CandidateScore(float(loss), float(gain), float(error) if num_rows > 1 else None)
        for loss, gain, error in zip(losses / num_rows, mean_gains, errors, strict=True)
    ]


class CandidateParts(NamedTuple):
    """What some candidates add to the logits of the rows of a split.

    Attributes:
        labels: float32 `(R,)`.
        logits: float32 `(R,)`: without any interaction.
        parts: float32 `(c, R)`.
    """

    labels: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    parts: npt.NDArray[np.float32]


def candidate_parts(
    supernet: Any, split: Any, chosen: npt.NDArray[np.int32], *, batch_rows: int = BATCH_ROWS
) -> CandidateParts:
    """What the chosen candidates add to the logits.

    Args:
        supernet: An `InteractionSupernet`.
        split: Validation rows, `TableEvaluationSplit`.
        chosen: Numbers of candidates, `(c,)`.
        batch_rows: Rows at a time.
    """

    @tf.function(autograph=False)
    def compute(inputs: Any) -> Any:
        return supernet.plain_logits(inputs), supernet.candidate_logits(inputs, chosen)

    plain, parts = [], []
    for inputs, _, weights in split.batches(min(batch_rows, split.num_examples)):
        present = weights.numpy() > 0
        without, with_one = compute(inputs)
        plain.append(without.numpy()[present])
        parts.append((with_one - without).numpy()[:, present])
    return CandidateParts(split.labels, np.concatenate(plain), np.concatenate(parts, axis=1))


def _accumulate(
    supernet: Any, split: Any, batch_rows: int, chunk_candidates: int, dtype: str, jit_compile: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], int]:
    """Sums over rows of the gains, their squares and the losses, each `(C,)`; and the rows."""
    size = len(supernet.candidates)
    chunks = _chunks(size, min(chunk_candidates, size))

    @tf.function(autograph=False, jit_compile=jit_compile)
    def first_layer(inputs: Any, chosen: Any) -> Any:
        return supernet.candidate_hidden(inputs, chosen, dtype, unrolled=jit_compile)

    @tf.function(autograph=False)
    def row_losses(inputs: Any, labels: Any, chosen: Any) -> Any:
        return log_losses(supernet.finish(*first_layer(inputs, chosen)), labels)  # [c, B]

    @tf.function(autograph=False)
    def plain_losses(inputs: Any, labels: Any) -> Any:
        return log_losses(supernet.finish(*supernet.plain_hidden(inputs, dtype)), labels)  # [B]

    def log_losses(logits: Any, labels: Any) -> Any:
        return ops.softplus(logits) - labels * logits

    gains, squares, losses = (np.zeros(size) for _ in range(3))
    num_rows = 0
    for inputs, labels, weights in split.batches(batch_rows):
        present = weights.numpy() > 0
        parts = [row_losses(inputs, labels, chosen).numpy() for chosen in chunks]
        # The last chunk is filled up with the last candidate.
        own = np.concatenate(parts)[:size, present].astype(np.float64)
        gain = plain_losses(inputs, labels).numpy()[present] - own
        gains += gain.sum(axis=1)
        squares += (gain**2).sum(axis=1)
        losses += own.sum(axis=1)
        num_rows += int(present.sum())
    return gains, squares, losses, num_rows


def _chunks(size: int, chunk: int) -> list[npt.NDArray[np.int32]]:
    """Numbers of all candidates in chunks of one size."""
    numbers = np.minimum(np.arange(-(-size // chunk) * chunk), size - 1).astype(np.int32)
    return list(numbers.reshape(-1, chunk))
