"""The same scores for everybody."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class ConstantScores(keras.layers.Layer):
    """Gives each row the same vector, `y = b`, which is not trained.

    Args:
        num_scores: Positive integer, the length of `b`.

    Call arguments:
        inputs: Tensor of shape `(batch, ...)`, of which only the number of rows counts.

    Output shape: `(batch, num_scores)`.
    """

    def __init__(self, num_scores: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_scores < 1:
            raise ValueError(f"`num_scores` must be positive. Received: num_scores={num_scores}")
        self.num_scores = num_scores

    def build(self, inputs_shape: Any) -> None:
        self.scores = self.add_weight(
            name="scores", shape=(self.num_scores,), initializer="zeros", trainable=False
        )

    def call(self, inputs: Any) -> Any:
        scores = ops.cast(self.scores, self.compute_dtype)
        return ops.broadcast_to(scores, (ops.shape(inputs)[0], self.num_scores))

    def compute_output_shape(self, inputs_shape: Any) -> Any:
        return (inputs_shape[0], self.num_scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_scores": self.num_scores}
