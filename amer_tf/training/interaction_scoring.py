"""Scores the candidates of an interaction supernet on the same rows, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from amer_tf.training.fitness import Fitness, LogLossFitness
from amer_tf.training.ranking_metrics import Estimate

BATCH_ROWS = 1024
CHUNK_CANDIDATES = 64
# Hidden units of all candidates and rows from which on XLA is worth its compilation.
_UNITS_FOR_XLA = 2e9


class CandidateScore(NamedTuple):
    """How good a model is with the fields and one interaction.

    Attributes:
        loss: Mean log loss.
        gain: How much better the model is than without any interaction.
        standard_error: Of the gain; None where there are too few rows to tell.
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
    fitness: Fitness | None = None,
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
        fitness: What gains are measured by; None for the log loss. By another one the logits of
            all candidates and rows are held in memory, four bytes each.
        jit_compile: Whether XLA compiles the first hidden layer; None where that saves time.
    """
    size = len(supernet.candidates)
    if jit_compile is None:
        num_units = supernet.projection.units * size * split.num_examples
        jit_compile = num_units >= _UNITS_FOR_XLA
    batches = _logits(
        supernet, split, min(batch_rows, split.num_examples), chunk_candidates, dtype, jit_compile
    )
    if fitness is None or isinstance(fitness, LogLossFitness):
        losses, gains = _by_log_loss(size, batches)
    else:
        losses, gains = _by_fitness(fitness, split.labels, size, batches)
    return [CandidateScore(loss, *gain) for loss, gain in zip(losses, gains, strict=True)]


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


class _Batch(NamedTuple):
    """Logits of some rows.

    Attributes:
        labels: Tensor `(B,)`.
        present: Which rows are not padding: booleans `(B,)`.
        plain: Tensor `(B,)`: logits without any interaction.
        parts: Tensors `(c, B)`: of the candidates in chunks, the last of which is filled up with
            the last candidate.
    """

    labels: Any
    present: npt.NDArray[np.bool_]
    plain: Any
    parts: list[Any]


def _logits(
    supernet: Any, split: Any, batch_rows: int, chunk_candidates: int, dtype: str, jit_compile: bool
) -> Iterator[_Batch]:
    size = len(supernet.candidates)
    chunks = _chunks(size, min(chunk_candidates, size))

    @tf.function(autograph=False, jit_compile=jit_compile)
    def first_layer(inputs: Any, chosen: Any) -> Any:
        return supernet.candidate_hidden(inputs, chosen, dtype, unrolled=jit_compile)

    @tf.function(autograph=False)
    def logits(inputs: Any, chosen: Any) -> Any:
        return supernet.finish(*first_layer(inputs, chosen))  # [c, B]

    @tf.function(autograph=False)
    def plain_logits(inputs: Any) -> Any:
        return supernet.finish(*supernet.plain_hidden(inputs, dtype))  # [B]

    for inputs, labels, weights in split.batches(batch_rows):
        parts = [logits(inputs, chosen) for chosen in chunks]
        yield _Batch(labels, weights.numpy() > 0, plain_logits(inputs), parts)


def _by_log_loss(size: int, batches: Iterator[_Batch]) -> tuple[list[float], list[Estimate]]:
    """Losses and gains of all candidates, of which sums over rows are held alone."""

    @tf.function(autograph=False)
    def log_losses(logits: Any, labels: Any) -> Any:
        return ops.softplus(logits) - labels * logits

    gains, squares, losses = (np.zeros(size) for _ in range(3))
    num_rows = 0
    for batch in batches:
        parts = [log_losses(part, batch.labels).numpy() for part in batch.parts]
        own = np.concatenate(parts)[:size, batch.present].astype(np.float64)
        gain = log_losses(batch.plain, batch.labels).numpy()[batch.present] - own
        gains += gain.sum(axis=1)
        squares += (gain**2).sum(axis=1)
        losses += own.sum(axis=1)
        num_rows += int(batch.present.sum())
    means = gains / num_rows
    variances = np.maximum(squares / num_rows - means**2, 0.0)
    errors = np.sqrt(variances / max(1, num_rows - 1))
    return (losses / num_rows).tolist(), [
        Estimate(float(mean), float(error) if num_rows > 1 else None)
        for mean, error in zip(means, errors, strict=True)
    ]


def _by_fitness(
    fitness: Fitness, labels: npt.NDArray[np.float32], size: int, batches: Iterator[_Batch]
) -> tuple[list[float], list[Estimate]]:
    plain, parts = [], []
    for batch in batches:
        plain.append(batch.plain.numpy()[batch.present])
        parts.append(np.concatenate(batch.parts)[:, batch.present])
    baseline = np.concatenate(plain)
    logits = np.concatenate(parts, axis=1)[:size]
    loss = LogLossFitness()
    return (
        [-loss.score(labels, own).value for own in logits],
        [fitness.gain(labels, own, baseline) for own in logits],
    )


def _chunks(size: int, chunk: int) -> list[npt.NDArray[np.int32]]:
    """Numbers of all candidates in chunks of one size."""
    numbers = np.minimum(np.arange(-(-size // chunk) * chunk), size - 1).astype(np.int32)
    return list(numbers.reshape(-1, chunk))
