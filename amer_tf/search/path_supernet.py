"""What the supernets of step 1 share: choice blocks, through which a fair group runs at once.

Letters: `P` paths, `B` batch, `B'` examples of one path, `T` steps, `D` units, `L` blocks.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.architecture import ACTIVATIONS, NORMS, Architecture, Block
from amer_tf.layers.candidates import ACTIVATION_FUNCTIONS, apply_layer
from amer_tf.models import components
from amer_tf.models.behavior_parts import Behavior
from amer_tf.search import fair
from amer_tf.search.spaces import BehaviorSpace

FEEDS = ("split", "replicate")


class PathSupernet(keras.Model):
    """Choice blocks with which `P` paths run such that each candidate of each block runs once.

    The paths' states `(P, B', T, D)` are kept in the order of the candidates; between two blocks
    one gather moves them on (paper, section 2.3, and FairNAS: strict fairness). What comes before
    the blocks and after them differs between tasks.

    Args:
        name: Name of the model.
        space: The choices.
        feed: `"split"`: each path trains on its share of the batch; `"replicate"`: on all of it.
        seed: Seed of the paths.
    """

    def __init__(self, name: str, space: BehaviorSpace, feed: str, seed: int) -> None:
        super().__init__(name=name)
        if feed not in FEEDS:
            raise ValueError(f"`feed` must be one of {FEEDS}. Received: feed={feed!r}")
        self.space = space
        self.feed = feed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def make_blocks(self, dropout: float) -> list[layers.ChoiceBlock]:
        """One choice block for each of the space's, with dropout on the operations."""
        return [
            layers.ChoiceBlock(
                self.space.layers,
                dropout=dropout,
                causal=self.space.causal,
                name=components.layer_name(f"block_{index}"),
            )
            for index in range(self.space.num_blocks)
        ]

    def build_blocks(self, steps: int, units: int, *, with_target: bool = False) -> None:
        """Makes the weights of all blocks."""
        num_paths = self.space.num_paths
        target_shape = (num_paths, None, units) if with_target else None
        for block in self.blocks:
            block.build((num_paths, None, steps, units), target_shape)

    @property
    def num_replicas(self) -> int:
        """How often each example is run in training: `P` times where the feed replicates."""
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

    def run_group(
        self, behavior: Behavior, group: fair.PathGroup, feed: str, training: bool = False
    ) -> Behavior:
        """Sends one batch through the blocks of every path.

        Args:
            behavior: Of the batch, `(B, ...)`.
            group: The paths' choices; each block must use each layer once.
            feed: `"replicate"` or `"split"`.
            training: Whether dropout is applied.

        Returns:
            `(P, B', ...)` in the order of the paths; with `"split"`, path `p` serves examples
            `p B / P` to `(p + 1) B / P`.
        """
        route = fair.route(group)
        mask, target = (self.deal(each, feed) for each in behavior[1:])
        states = ops.take(self.deal(behavior.states, feed), route.path_at[0], axis=0)
        for index, block in enumerate(self.blocks):
            if index:
                states = ops.take(states, route.between[index - 1], axis=0)
            at = route.path_at[index]
            states = block(
                states,
                ops.take(mask, at, axis=0),
                _one_hot(route.norms[index], self.space.norms, NORMS),
                _one_hot(route.activations[index], self.space.activations, ACTIVATIONS),
                target=None if target is None else ops.take(target, at, axis=0),
                training=training,
            )
        return Behavior(ops.take(states, route.last, axis=0), mask, target)

    def run_path(
        self, behavior: Behavior, architecture: Architecture, training: bool = False
    ) -> Behavior:
        """Sends a batch through one path by itself: the reference of the fair paths."""
        self.space.validate(architecture)
        states = behavior.states
        for choice_block, block in zip(self.blocks, architecture.blocks, strict=True):
            own = behavior._replace(states=states)
            states = _run_alone(choice_block, block, own, training)
        return behavior._replace(states=states)

    def inherit_blocks(self, model: keras.Model, architecture: Architecture) -> None:
        """Copies the blocks of one path into the derived model of its architecture, or none."""
        if architecture.blocks:
            self.space.validate(architecture)
        for index, block in enumerate(architecture.blocks):
            if block.layer == "zero":
                continue
            source = self.blocks[index]
            target = model.get_layer(source.name)
            target.operation.set_weights(source.candidate(block.layer).get_weights())
            if block.norm == "layer_norm":
                target.normalization.set_weights(source.normalization.get_weights())

    def deal(self, tensor: Any, feed: str) -> Any:
        """`(B, ...)` to `(P, B', ...)`: shares of the batch, or the batch for each path."""
        if tensor is None:
            return None
        num_paths = self.space.num_paths
        if feed == "split":
            return ops.reshape(tensor, (num_paths, -1, *tensor.shape[1:]))
        return ops.repeat(ops.expand_dims(tensor, 0), num_paths, axis=0)


def _one_hot(choice: Any, chosen_from: tuple[str, ...], known: tuple[str, ...]) -> Any:
    """One-hot rows over all that a block knows, of choices out of what the space allows."""
    positions = ops.convert_to_tensor([known.index(name) for name in chosen_from], "int32")
    return ops.one_hot(ops.take(positions, choice), len(known))


def _run_alone(
    choice_block: layers.ChoiceBlock, block: Block, behavior: Behavior, training: bool
) -> Any:
    """One candidate of a choice block on the states of one path, `(B, T, D)`."""
    states, mask, target = behavior
    if block.layer == "zero":
        return states
    hidden = states
    if block.norm == "layer_norm":
        hidden = choice_block.normalization(hidden, mask=mask)
    hidden = apply_layer(choice_block.candidate(block.layer), hidden, mask, target)
    hidden = ACTIVATION_FUNCTIONS[block.activation](hidden)
    return states + choice_block.dropout_layer(hidden, training=training)
