"""Scores the paths of a fair group of MLPs on the same validation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from amer_tf.training.ranking_metrics import Estimate, estimate

BATCH_ROWS = 4096


class MlpScorer:
    """Log losses of the paths of an `MlpSupernet`, all in one compiled call.

    Args:
        supernet: The supernet.
        split: Validation rows, `TableEvaluationSplit`.
        batch_rows: Rows at a time.
        jit_compile: Whether XLA compiles the supernet.
    """

    def __init__(
        self,
        supernet: Any,
        split: Any,
        *,
        batch_rows: int = BATCH_ROWS,
        jit_compile: bool = False,
    ) -> None:
        self._split = split
        self._batch_rows = min(batch_rows, split.num_examples)

        @tf.function(autograph=False, jit_compile=jit_compile)
        def row_losses(inputs: Any, labels: Any, group: Any) -> Any:
            logits = ops.cast(supernet.path_logits(inputs, group), "float32")
            return ops.softplus(logits) - labels * logits  # [P, B]

        self._row_losses = row_losses

    @property
    def num_rows(self) -> int:
        """Rows that each path is scored on."""
        return int(self._split.num_examples)

    def __call__(self, group: Any) -> list[Estimate]:
        """The mean log loss of each path, and its standard error."""
        group = type(group)(*(tf.constant(part, tf.int32) for part in group))
        parts = []
        for inputs, labels, weights in self._split.batches(self._batch_rows):
            losses = self._row_losses(inputs, labels, group).numpy()
            parts.append(losses[:, weights.numpy() > 0])
        return [estimate(own) for own in np.concatenate(parts, axis=1)]
