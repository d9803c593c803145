"""The supernet of step 1 of task next_item: every choice of every block, with shared weights.

Letters: `P` paths, `B` batch, `B'` examples of one path, `T` steps, `D` units.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models import components
from amer_tf.models.behavior_parts import Behavior
from amer_tf.search import fair
from amer_tf.search.path_supernet import PathSupernet
from amer_tf.search.spaces import BehaviorSpace


class BehaviorSupernet(PathSupernet):
    """From a batch through all paths of a fair group to the user's side of the score.

    Args:
        spec: What the model reads and predicts, of task next_item.
        space: The choices.
        embedding_dim: `K`.
        dropout: Rate of dropout on the behaviour embeddings and on the operations in training.
        drop_event: Rate at which events of the history are turned into padding in training.
        l2: Weight of the squared embeddings that a batch gathers.
        catalog: What is known of each item, see `models.amer.build`.
        feed: `"split"`: each path trains on its share of the batch; `"replicate"`: on all of it.
        seed: Seed of the paths and the dropout.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        space: BehaviorSpace,
        *,
        embedding_dim: int = 64,
        dropout: float = 0.0,
        drop_event: float = 0.0,
        l2: float = 0.0,
        catalog: Any = None,
        feed: str = "split",
        seed: int = 0,
    ) -> None:
        super().__init__("behavior_supernet", space, feed, seed)
        self.spec = spec
        embedding = components.make_embedding(spec, embedding_dim, l2)
        catalog_layer = components.make_catalog(spec, catalog)
        inputs = components.make_inputs(spec)
        kept = components.drop_events(spec, inputs, drop_event)
        mask = components.history_mask(spec, kept)
        states = components.behavior_states(spec, kept, mask, embedding, catalog_layer)
        states = components.drop_states(states, dropout)
        side = components.side_features(spec, inputs, embedding, ("profile", "context"))
        outputs = {"states": states, "mask": mask}
        if side:
            outputs["side"] = components.side_by_side("side", *side)
        self.stem = keras.Model(inputs, outputs, name="stem")
        items = keras.Input(shape=(None,), dtype="int32", name=spec.item_field)
        vectors = components.item_vectors(spec, items, embedding, catalog_layer)
        self.item_side = keras.Model(items, vectors, name="item_side")
        self.blocks = self.make_blocks(dropout)
        self.empty_history = components.make_empty_history()
        self.query_normalization = components.make_query_normalization()
        self.to_query = components.make_query(vectors.shape[-1])
        self._build_weights(states.shape[-1], outputs.get("side"))

    def _build_weights(self, units: int, side: Any) -> None:
        self.build_blocks(self.spec.max_length, units)
        self.empty_history.build((None, 2 * units))
        width = 2 * units + (0 if side is None else side.shape[-1])
        self.query_normalization.build((None, width))
        self.to_query.build((None, width))
        self.built = True

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`W h` of a freshly drawn fair group: `(B, Dq)`, or `(P B, Dq)` for `"replicate"`.

        With `"split"`, path `p` serves examples `p B / P` to `(p + 1) B / P`; `B` must be a
        multiple of `P`. In training a causal supernet has one for each step, `(B, T, Dq)`.
        """
        every_step = training and self.space.causal
        queries = self(
            inputs, self.draw_group(), feed=self.feed, every_step=every_step, training=training
        )
        return ops.reshape(queries, (-1, *queries.shape[2:]))

    def item_vectors(self, ids: Any) -> Any:
        """`e_i` of shape `(..., Dq)` for encoded item ids of shape `(...)`."""
        return components.apply_item_side(self.item_side, ids)

    def call(
        self,
        inputs: dict[str, Any],
        group: fair.PathGroup,
        feed: str = "replicate",
        every_step: bool = False,
        training: bool = False,
    ) -> Any:
        """`W h` of each path of a group.

        Args:
            inputs: A batch named by the spec.
            group: The paths' choices, a fair group.
            feed: `"replicate"` or `"split"`.
            every_step: Whether each step asks, as if it were the newest; of causal paths.
            training: Whether dropout is applied.

        Returns:
            `(P, B, Dq)`, or `(P, B / P, Dq)` for `"split"`; `(..., T, Dq)` for every step.
        """
        stem = self.stem(inputs, training=training)
        paths = self.run_group(Behavior(stem["states"], stem["mask"]), group, feed, training)
        side = self.deal(stem["side"], feed) if "side" in stem else None
        return self._head(paths, side, every_step)

    def path_query(
        self, inputs: dict[str, Any], architecture: Architecture, training: bool = False
    ) -> Any:
        """`W h` of shape `(B, Dq)` of one path, run by itself: the reference of the fair paths."""
        stem = self.stem(inputs, training=training)
        path = self.run_path(Behavior(stem["states"], stem["mask"]), architecture, training)
        return self._head(path, stem.get("side"))

    def inherit(self, model: keras.Model, architecture: Architecture) -> None:
        """Copies the weights of one path into the derived model of its architecture."""
        self.inherit_blocks(model, architecture)
        heads = (self.empty_history, self.query_normalization, self.to_query)
        shared = {layer.name: layer for layer in (*self.stem.layers, *heads)}
        for layer in model.layers:
            if layer.name in shared and layer.weights:
                layer.set_weights(shared[layer.name].get_weights())

    def _head(self, behavior: Behavior, side: Any, every_step: bool = False) -> Any:
        states, mask, _ = behavior
        if every_step:
            hidden = components.pool_older_states(states, mask)
            if side is not None:
                side = ops.repeat(ops.expand_dims(side, -2), states.shape[-2], axis=-2)
        else:
            hidden = self.empty_history(components.pool_states(states, mask), mask)
        if side is not None:
            hidden = components.side_by_side("user", hidden, side)
        return self.to_query(self.query_normalization(hidden))
