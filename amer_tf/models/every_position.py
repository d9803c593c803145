"""Causal models with a query after each step of the history, to train them as SASRec is."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import components
from amer_tf.models.components import CAUSAL_STATES, layer_name
from amer_tf.models.next_item import NextItemNetwork


class EveryPositionNetwork(NextItemNetwork):
    """A causal model with a query after each step of the history.

    In training `query` gives `(B, T, Dq)`, the query after each step; else that of the newest.
    Only a causal model can be trained so: any other has seen the item that it is asked for.

    Args:
        model: Model as `build` of `models.transformer`, `nextitnet` or `gru4rec` gives it, or
            `models.amer.build` of a causal architecture.
        spec: The spec that it was built for.

    Raises:
        ValueError: Where the model is not causal.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec, **kwargs: Any) -> None:
        super().__init__(model, spec, **kwargs)
        if not any(layer.name == CAUSAL_STATES for layer in model.layers):
            raise ValueError(
                "Only a causal model can be trained at every position: this model's steps "
                f"see the items that they are asked for. Received: model.name={model.name!r}"
            )
        inputs = {tensor.name: tensor for tensor in model.inputs if tensor.name != spec.item_field}
        states = model.get_layer(CAUSAL_STATES).output
        self._step_queries = keras.Model(inputs, step_queries(model, spec, inputs, states))

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`(B, T, Dq)` in training, else `(B, Dq)`."""
        if training:
            return self._step_queries(inputs, training=True)
        return super().query(inputs)


def step_queries(model: keras.Model, spec: FeatureSpec, inputs: dict[str, Any], states: Any) -> Any:
    """What the model would ask for with each of the states `(B, S, D)`: `(B, S, Dq)`."""
    embedding = model.get_layer(layer_name("embedding"))
    side = components.side_features(spec, inputs, embedding, ("profile", "context"))
    if side:
        known = components.side_by_side("side", *side)
        repeated = keras.layers.RepeatVector(states.shape[1], name=layer_name("side_of_steps"))
        states = components.side_by_side("user_of_steps", states, repeated(known))
    normalization = layer_name("query_normalization")
    if any(layer.name == normalization for layer in model.layers):
        states = model.get_layer(normalization)(states)
    return model.get_layer(layer_name("query"))(states)
