"""A slope and an intercept that turn logits into chances."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="amer_tf")
class PlattScaling(keras.layers.Layer):
    """`y = a z + b`, with two weights that are not trained with the network.

    Networks that have learned their training rows by heart rank new rows well and are too sure of
    them. The two weights are 1 and 0 until `assign` sets what was fitted on rows that the network
    has not seen. The order of the rows stays as it is.

    Reference: Platt, "Probabilistic outputs for support vector machines", 1999; Guo et al., "On
    calibration of modern neural networks", 2017.

    Call arguments:
        logits: Float tensor of any shape.

    Output shape: that of `logits`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, logits_shape: Any) -> None:
        self.slope = self.add_weight(name="slope", shape=(), initializer="ones", trainable=False)
        self.intercept = self.add_weight(
            name="intercept", shape=(), initializer="zeros", trainable=False
        )

    def assign(self, slope: float, intercept: float) -> None:
        """Sets what was fitted; `slope` must be positive."""
        if not slope > 0:
            raise ValueError(f"`slope` must be positive. Received: slope={slope}")
        self.slope.assign(slope)
        self.intercept.assign(intercept)

    def call(self, logits: Any) -> Any:
        return logits * self.slope + self.intercept

    def compute_output_shape(self, logits_shape: Any) -> Any:
        return logits_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
