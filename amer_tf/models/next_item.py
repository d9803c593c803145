"""The two sides of a next-item model: the user's query vector and the items' vectors."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import components


class NextItemNetwork(keras.Model):
    """Gives the query and the item vectors of a model of task next_item apart.

    The score of item `i` for a user is `<query, item vector i>`; training and evaluation over
    many items need each side once. All weights are the model's own.

    Args:
        model: Model with layers `"amer.query"` and `"amer.item_vector"`, as `models.amer.build`
            gives it.
        spec: The spec that it was built for.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        by_name = {tensor.name: tensor for tensor in model.inputs}
        items = by_name.pop(spec.item_field)
        self.model = model
        query, vectors = map(components.layer_name, ("query", "item_vector"))
        self._query_side = keras.Model(by_name, model.get_layer(query).output)
        self._item_side = keras.Model(items, model.get_layer(vectors).output)

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`W h` of shape `(B, Dq)` for a batch named by the spec."""
        return self._query_side(inputs, training=training)

    def item_vectors(self, ids: Any) -> Any:
        """`e_i` of shape `(..., Dq)` for encoded item ids of shape `(...)`."""
        return components.apply_item_side(self._item_side, ids)

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        return self.query(inputs, training=training)
