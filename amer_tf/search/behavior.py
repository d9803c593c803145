"""The supernet of step 1: every choice of every block, with shared weights.

Letters: `P` paths, `B` batch, `B'` examples of one path, `T` steps, `D` units, `L` blocks.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.architecture import ACTIVATIONS, NORMS, Architecture, Block
from amer_tf.features import FeatureSpec
from amer_tf.layers.candidates import ACTIVATION_FUNCTIONS, apply_layer
from amer_tf.models import components
from amer_tf.search import fair
from amer_tf.search.spaces import BehaviorSpace

FEEDS = ("split", "replicate")


class BehaviorSupernet(keras.Model):
    """Runs `P` paths at once, such that each candidate of each block runs exactly once.

    The paths' states `(P, B', T, D)` are kept in the order of the candidates; between two blocks
    one gather moves them on (paper, section 2.3, and FairNAS: strict fairness).

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
        super().__init__(name="behavior_supernet")
        if feed not in FEEDS:
            raise ValueError(f"`feed` must be one of {FEEDS}. Received: feed={feed!r}")
        self.spec = spec
        self.space = space
        self.feed = feed
        self.seed_generator = keras.random.SeedGenerator(seed)
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
        self.blocks = [
            layers.ChoiceBlock(
                space.layers, dropout=dropout, name=components.layer_name(f"block_{index}")
            )
            for index in range(space.num_blocks)
        ]
        self.empty_history = components.make_empty_history()
        self.query_normalization = components.make_query_normalization()
        self.to_query = components.make_query(vectors.shape[-1])
        self._build_weights(states.shape[-1], outputs.get("side"))

    def _build_weights(self, units: int, side: Any) -> None:
        num_paths, steps = self.space.num_paths, self.spec.max_length
        for block in self.blocks:
            block.build((num_paths, None, steps, units))
        self.empty_history.build((None, 2 * units))
        width = 2 * units + (0 if side is None else side.shape[-1])
        self.query_normalization.build((None, width))
        self.to_query.build((None, width))
        self.built = True

    @property
    def num_replicas(self) -> int:
        """How often each example stands in `query`: `P` times where the feed replicates."""
        return self.space.num_paths if self.feed == "replicate" else 1

    def draw_group(self) -> fair.PathGroup:
        """A fair group from the supernet's own seed, inside the compiled step."""
        space = self.space
        shape = (3, space.num_blocks, space.num_paths)
        offsets = keras.random.randint(
            (2, space.num_blocks),
            0,
            len(space.norms) * len(space.activations),
            dtype="int32",
            seed=self.seed_generator,
        )
        return fair.group_from_uniform(
            keras.random.uniform(shape, dtype="float32", seed=self.seed_generator),
            len(space.norms),
            len(space.activations),
            offsets,
        )

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`W h` of a freshly drawn fair group: `(B, Dq)`, or `(P B, Dq)` for `"replicate"`.

        With `"split"`, path `p` serves examples `p B / P` to `(p + 1) B / P`; `B` must be a
        multiple of `P`.
        """
        queries = self(inputs, self.draw_group(), feed=self.feed, training=training)
        return ops.reshape(queries, (-1, queries.shape[-1]))

    def item_vectors(self, ids: Any) -> Any:
        """`e_i` of shape `(..., Dq)` for encoded item ids of shape `(...)`."""
        return components.apply_item_side(self.item_side, ids)

    def call(
        self,
        inputs: dict[str, Any],
        group: fair.PathGroup,
        feed: str = "replicate",
        training: bool = False,
    ) -> Any:
        """`W h` of each path of a group.

        Args:
            inputs: A batch named by the spec.
            group: The paths' choices, a fair group.
            feed: `"replicate"` or `"split"`.
            training: Whether dropout is applied.

        Returns:
            `(P, B, Dq)`, or `(P, B / P, Dq)` for `"split"`.
        """
        stem = self.stem(inputs, training=training)
        route = fair.route(group)
        paths_mask = self._deal(stem["mask"], feed)  # (P, B', T) in the order of the paths
        states = ops.take(self._deal(stem["states"], feed), route.path_at[0], axis=0)
        for index, block in enumerate(self.blocks):
            if index:
                states = ops.take(states, route.between[index - 1], axis=0)
            states = block(
                states,
                ops.take(paths_mask, route.path_at[index], axis=0),
                _one_hot(route.norms[index], self.space.norms, NORMS),
                _one_hot(route.activations[index], self.space.activations, ACTIVATIONS),
                training=training,
            )
        states = ops.take(states, route.last, axis=0)
        side = self._deal(stem["side"], feed) if "side" in stem else None
        return self._head(states, paths_mask, side)

    def path_query(
        self, inputs: dict[str, Any], architecture: Architecture, training: bool = False
    ) -> Any:
        """`W h` of shape `(B, Dq)` of one path, run by itself: the reference of the fair paths."""
        self.space.validate(architecture)
        stem = self.stem(inputs, training=training)
        states = stem["states"]
        for choice_block, block in zip(self.blocks, architecture.blocks, strict=True):
            states = _run_alone(choice_block, block, states, stem["mask"], training)
        return self._head(states, stem["mask"], stem.get("side"))

    def inherit(self, model: keras.Model, architecture: Architecture) -> None:
        """Copies the weights of one path into the derived model of its architecture."""
        self.space.validate(architecture)
        heads = (self.empty_history, self.query_normalization, self.to_query)
        shared = {layer.name: layer for layer in (*self.stem.layers, *heads)}
        for layer in model.layers:
            if layer.name in shared and layer.weights:
                layer.set_weights(shared[layer.name].get_weights())
        for index, block in enumerate(architecture.blocks):
            if block.layer == "zero":
                continue
            source = self.blocks[index]
            target = model.get_layer(source.name)
            target.operation.set_weights(source.candidate(block.layer).get_weights())
            if block.norm == "layer_norm":
                target.normalization.set_weights(source.normalization.get_weights())

    def _head(self, states: Any, mask: Any, side: Any) -> Any:
        hidden = self.empty_history(components.pool_states(states, mask), mask)
        if side is not None:
            hidden = components.side_by_side("user", hidden, side)
        return self.to_query(self.query_normalization(hidden))

    def _deal(self, tensor: Any, feed: str) -> Any:
        """`(B, ...)` to `(P, B', ...)`: shares of the batch, or the batch for each path."""
        num_paths = self.space.num_paths
        if feed == "split":
            return ops.reshape(tensor, (num_paths, -1, *tensor.shape[1:]))
        return ops.repeat(ops.expand_dims(tensor, 0), num_paths, axis=0)


def _one_hot(choice: Any, chosen_from: tuple[str, ...], known: tuple[str, ...]) -> Any:
    """One-hot rows over all that a block knows, of choices out of what the space allows."""
    positions = ops.convert_to_tensor([known.index(name) for name in chosen_from], "int32")
    return ops.one_hot(ops.take(positions, choice), len(known))


def _run_alone(
    choice_block: layers.ChoiceBlock, block: Block, states: Any, mask: Any, training: bool
) -> Any:
    """One candidate of a choice block on the states of one path, `(B, T, D)`."""
    if block.layer == "zero":
        return states
    hidden = states
    if block.norm == "layer_norm":
        hidden = choice_block.normalization(hidden, mask=mask)
    hidden = apply_layer(choice_block.candidate(block.layer), hidden, mask, None)
    hidden = ACTIVATION_FUNCTIONS[block.activation](hidden)
    return states + choice_block.dropout_layer(hidden, training=training)
