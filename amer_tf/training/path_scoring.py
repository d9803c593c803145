"""Scores the paths of a fair group of task ctr on the same validation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from amer_tf.training.fitness import Fitness, LogLossFitness
from amer_tf.training.platt_scaling import fit_platt_scaling
from amer_tf.training.ranking_metrics import Estimate

BATCH_ROWS = 4096


class PathScorer:
    """Scores the paths of a supernet of task ctr, all in one compiled call.

    Args:
        supernet: Its `path_logits(inputs, group)` gives the logits `(P, B)` of a group.
        split: Validation rows, `TableEvaluationSplit`.
        fitness: What they are scored by; None for minus the log loss.
        batch_rows: Rows at a time: each path has its own states for all of them.
        calibrate: Whether the logits of each path are scaled to fit the labels first: larger
            networks are sooner too sure, which says little of how well they tell rows apart.
        jit_compile: Whether XLA compiles the supernet.
    """

    def __init__(
        self,
        supernet: Any,
        split: Any,
        *,
        fitness: Fitness | None = None,
        batch_rows: int = BATCH_ROWS,
        calibrate: bool = False,
        jit_compile: bool = False,
    ) -> None:
        self._split = split
        self._fitness = fitness or LogLossFitness()
        self._batch_rows = min(batch_rows, split.num_examples)

        @tf.function(autograph=False, jit_compile=jit_compile)
        def path_logits(inputs: Any, group: Any) -> Any:
            return ops.cast(supernet.path_logits(inputs, group), "float32")  # [P, B]

        self._path_logits = path_logits
        self._calibrate = calibrate

    @property
    def num_rows(self) -> int:
        """Rows that each path is scored on."""
        return int(self._split.num_examples)

    def __call__(self, group: Any) -> list[Estimate]:
        """The score of each path, the larger the better, and its standard error."""
        group = type(group)(*(tf.constant(part, tf.int32) for part in group))
        parts = []
        for inputs, _, weights in self._split.batches(self._batch_rows):
            logits = self._path_logits(inputs, group).numpy()
            parts.append(logits[:, weights.numpy() > 0])
        return [self._score(logits) for logits in np.concatenate(parts, axis=1)]

    def _score(self, logits: Any) -> Estimate:
        labels = self._split.labels
        if self._calibrate:
            logits = fit_platt_scaling(labels, logits)(logits)
        return self._fitness.score(labels, logits)
