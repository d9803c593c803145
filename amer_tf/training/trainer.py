"""What the trainers of both tasks share: one step down the gradient of a batch's loss."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from amer_tf.training.row_sparse_adam import clip_by_global_norm


class Trainer(keras.Model):
    """Keras model whose `train_step` follows the gradient of `batch_loss`.

    Args:
        network: The `keras.Model` that is trained.
        clip_norm: Largest global norm of the gradients; None for no limit.
    """

    def __init__(
        self, network: keras.Model, *, clip_norm: float | None = 5.0, name: str = "trainer"
    ) -> None:
        super().__init__(name=name)
        self.network = network
        self.clip_norm = clip_norm
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.loss_tracker]

    def batch_loss(self, inputs: dict[str, Any], labels: Any) -> Any:
        """Mean loss of a batch, with what the network's layers add to it."""
        raise NotImplementedError

    def train_step(self, data: Any) -> dict[str, Any]:
        inputs, labels = data
        with tf.GradientTape() as tape:
            loss = self.batch_loss(inputs, labels)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        used = [pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None]
        gradients, variables = zip(*used, strict=True)
        if self.clip_norm is not None:
            gradients = clip_by_global_norm(gradients, self.clip_norm)
        self.optimizer.apply(gradients, variables)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}
