"""Trains and evaluates networks of task ctr: logits of binary labels."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.trainer import Trainer

EVALUATION_BATCH = 8192


class CtrTrainer(Trainer):
    """Keras model whose `train_step` lowers the log loss of a network.

    `L = -mean(y log sigmoid(z) + (1 - y) log(1 - sigmoid(z)))` for the logits `z` (paper,
    equation 6), and what the network's layers add.

    Args:
        network: A `keras.Model` from a batch named by the spec to logits `(B,)`, or `(R B,)` for
            one that runs each example `num_replicas` times over.
        clip_norm: Largest global norm of the gradients; None for no limit.
    """

    def __init__(self, network: keras.Model, *, clip_norm: float | None = None) -> None:
        super().__init__(network, clip_norm=clip_norm, name="ctr_trainer")

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        return self.network(inputs, training=training)

    def batch_loss(self, inputs: dict[str, Any], labels: Any) -> Any:
        logits = ops.cast(self.network(inputs, training=True), "float32")
        replicas = getattr(self.network, "num_replicas", 1)
        if replicas > 1:
            labels = ops.tile(labels, (replicas,))
        losses = ops.softplus(logits) - labels * logits
        return ops.mean(losses) + sum(self.network.losses)


class CtrEvaluator:
    """Logits and metrics of a network on a whole split.

    Args:
        network: A `keras.Model` from a batch named by the spec to logits `(B,)`.
        batch_size: Rows that are scored at a time.
        jit_compile: Whether XLA compiles the network.
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        batch_size: int = EVALUATION_BATCH,
        jit_compile: bool = False,
    ) -> None:
        self.batch_size = batch_size
        # Nothing in it needs autograph, which reads the source file again when it traces. Of a
        # function with code TensorFlow counts the traces of all evaluators together, and warns.
        self._logits = tf.function(
            functools.partial(network, training=False),
            autograph=False,
            jit_compile=jit_compile,
        )

    def logits(self, split: Any) -> npt.NDArray[np.float32]:
        """float32 `(R,)`: the logit of each row, in the order of the split."""
        batch_size = min(self.batch_size, split.num_examples)
        parts = [self._logits(inputs).numpy() for inputs, _, _ in split.batches(batch_size)]
        return np.concatenate(parts).astype(np.float32)[: split.num_examples]

    def evaluate(self, split: Any) -> dict[str, Any]:
        """AUC, log loss, GAUC and calibration; see `binary_metrics.evaluate_binary`."""
        return evaluate_binary(split.labels, self.logits(split), split.groups)
