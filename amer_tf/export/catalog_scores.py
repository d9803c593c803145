"""The scores of the whole catalogue, as `recommend` wants them.

Letters: `B` batch, `I` item rows, `Dq` width of the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import keras
import tensorflow as tf

from amer_tf.features import FeatureSpec
from amer_tf.layers import ItemItemScores
from amer_tf.models.closed_forms import ALL_SCORES
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.item_vectors import all_item_vectors


class CatalogScores(Protocol):
    """Scores all items for each user.

    Attributes:
        variables: TensorFlow variables that it reads beside the weights of the model.
        facts: What a user should know of them, a line each.
    """

    variables: list[Any]
    facts: tuple[str, ...]

    def __call__(self, inputs: Mapping[str, Any]) -> Any:
        """Scores `(B, I)` of encoded inputs by field name."""


class TwoSides:
    """Inner products of the query and of all item vectors, which no request changes."""

    facts: tuple[str, ...] = ()

    def __init__(self, model: keras.Model, spec: FeatureSpec) -> None:
        self._network = NextItemNetwork(model, spec)
        num_rows = spec.vocabulary(spec.item_field).num_rows
        vectors = all_item_vectors(self._network.item_vectors, num_rows)
        self._item_vectors = tf.Variable(vectors, trainable=False)  # [I, Dq]
        self.variables = [self._item_vectors]

    def __call__(self, inputs: Mapping[str, Any]) -> Any:
        query = tf.cast(self._network.query(dict(inputs)), tf.float32)  # [B, Dq]
        return tf.matmul(query, self._item_vectors, transpose_b=True)


class AtOnce:
    """The layer of a closed form that scores all items."""

    def __init__(self, model: keras.Model, spec: FeatureSpec) -> None:
        inputs = {tensor.name: tensor for tensor in model.inputs}
        del inputs[spec.item_field]
        layer = model.get_layer(ALL_SCORES)
        self._model = keras.Model(inputs, layer.output)
        self.variables: list[Any] = []
        self.facts: tuple[str, ...] = ()
        if isinstance(layer, ItemItemScores):
            size = 4 * layer.num_items**2 / 1e6
            self.facts = (f"weights of all pairs of items, in the SavedModel: {size:,.1f} MB",)

    def __call__(self, inputs: Mapping[str, Any]) -> Any:
        return tf.cast(self._model(dict(inputs), training=False), tf.float32)


def catalog_scores(model: keras.Model, spec: FeatureSpec) -> CatalogScores:
    """How a model of task next_item scores all items."""
    at_once = any(layer.name == ALL_SCORES for layer in model.layers)
    return (AtOnce if at_once else TwoSides)(model, spec)
