"""The supernet of step 3: every size and activation of the aggregation MLP, with shared weights.

Letters: `P` paths, `B` batch, `B'` examples of one path, `L` hidden layers, `W` widest layer,
`K_0` width of the MLP's input.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.architecture import MLP_ACTIVATIONS, Architecture, HiddenLayer
from amer_tf.features import FeatureSpec
from amer_tf.models import aggregation, components, ctr
from amer_tf.search import fair
from amer_tf.search.path_supernet import FEEDS
from amer_tf.search.spaces import MlpSpace


class MlpSupernet(keras.Model):
    """Runs `P` aggregation MLPs at once, such that each size is used equally often.

    The weights of a layer are allocated once, `(W, W)`; a layer of `s` units is its first `s`
    columns: the other columns are masked, so that shapes stay static and a masked prefix gives
    exactly what a layer of that size gives (paper, section 2.3, step 3).

    Args:
        spec: What the model reads and predicts, of task ctr.
        architecture: Blocks, interactions and shortcut; its MLP is not used.
        num_layers: Number of hidden layers.
        max_units: Units of the widest layer, or None for `K_0`.
        activations: Activation candidates.
        embedding_dim: `K`.
        dropout: Rate of dropout on the hidden layers in training.
        l2: Weight of the squared embeddings that a batch gathers.
        feed: `"split"`: each path trains on its share of the batch; `"replicate"`: on all of it.
        seed: Seed of the paths.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        architecture: Architecture,
        *,
        num_layers: int = 3,
        max_units: int | None = None,
        activations: tuple[str, ...] = MLP_ACTIVATIONS,
        embedding_dim: int = 16,
        dropout: float = 0.0,
        l2: float = 0.0,
        feed: str = "split",
        seed: int = 0,
    ) -> None:
        super().__init__(name="mlp_supernet")
        if feed not in FEEDS:
            raise ValueError(f"`feed` must be one of {FEEDS}. Received: feed={feed!r}")
        self.spec = spec
        self.feed = feed
        self.seed_generator = keras.random.SeedGenerator(seed)
        stem = ctr.make_stem(
            spec, architecture, embedding_dim=embedding_dim, dropout=dropout, l2=l2
        )
        shortcut = stem.shortcut
        outputs = {"mlp_input": stem.mlp_input}
        if shortcut:
            outputs["shortcut"] = components.side_by_side("shortcut", *shortcut)
        self.stem = keras.Model(stem.inputs, outputs, name="stem")
        self.space = MlpSpace(
            stem.mlp_input.shape[-1], num_layers, max_units, activations=activations
        )
        width = self.space.width
        self.hidden_layers = [
            keras.layers.Dense(width, name=components.layer_name(f"hidden_{index}"))
            for index in range(num_layers)
        ]
        self.dices = [
            layers.Dice(name=components.layer_name(f"hidden_{index}", "activation"))
            for index in range(num_layers)
        ]
        self.dropout_layer = layers.FusedDropout(
            dropout, name=components.layer_name("hidden_dropout")
        )
        self.output_layer = keras.layers.Dense(1, name=components.layer_name("output"))
        size = self.space.input_size
        for dense, dice in zip(self.hidden_layers, self.dices, strict=True):
            dense.build((None, size))
            dice.build((None, width))
            size = width
        shortcut_size = sum(part.shape[-1] for part in shortcut)
        self.output_layer.build((None, width + shortcut_size))
        self.built = True

    @property
    def num_replicas(self) -> int:
        """How often each example is run in training: `P` times where the feed replicates."""
        return self.space.num_paths if self.feed == "replicate" else 1

    def draw_group(self) -> fair.MlpGroup:
        """A fair group from the supernet's own seed, inside the compiled step."""
        space = self.space
        uniform = keras.random.uniform(
            (2, space.num_layers, space.num_paths), dtype="float32", seed=self.seed_generator
        )
        offsets = keras.random.randint(
            (space.num_layers,), 0, len(space.activations), dtype="int32", seed=self.seed_generator
        )
        return fair.mlp_group_from_uniform(uniform, len(space.activations), offsets)

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Logits of a freshly drawn fair group: `(B,)`, or `(P B,)` for `"replicate"`.

        With `"split"`, path `p` serves examples `p B / P` to `(p + 1) B / P`; `B` must be a
        multiple of `P`.
        """
        logits = self.path_logits(inputs, self.draw_group(), feed=self.feed, training=training)
        return ops.reshape(logits, (-1,))

    def path_logits(
        self,
        inputs: dict[str, Any],
        group: fair.MlpGroup,
        feed: str = "replicate",
        training: bool = False,
    ) -> Any:
        """Logits of each path of a group: `(P, B)`, or `(P, B / P)` for `"split"`."""
        space, num_paths = self.space, self.space.num_paths
        outputs = self.stem(inputs, training=training)
        # [P, B', K_0]; one for all paths where the feed replicates
        hidden = _deal(outputs["mlp_input"], num_paths, feed)
        units = ops.take(ops.convert_to_tensor(space.sizes, "int32"), group.sizes)  # [L, P]
        for index, (dense, dice) in enumerate(zip(self.hidden_layers, self.dices, strict=True)):
            active = ops.arange(space.width) < units[index][:, None, None]  # [P, 1, W]
            active = ops.cast(active, hidden.dtype)
            hidden = dense(hidden) * active
            hidden = self._activate(dice, hidden, active, group.activations[index], training)
            hidden = self.dropout_layer(hidden, training=training)
        if "shortcut" in outputs:
            shortcut = _deal(outputs["shortcut"], num_paths, feed)
            shape = (*ops.shape(hidden)[:2], shortcut.shape[-1])
            hidden = ops.concatenate([hidden, ops.broadcast_to(shortcut, shape)], axis=-1)
        return ops.squeeze(self.output_layer(hidden), -1)

    def _activate(
        self, dice: layers.Dice, hidden: Any, active: Any, choice: Any, training: bool
    ) -> Any:
        """The activation of each path; all of them keep the zeros of masked units."""
        names = self.space.activations
        chosen = ops.cast(ops.one_hot(choice, len(names)), hidden.dtype)[:, :, None, None]
        mixed = ops.zeros_like(hidden)
        for position, name in enumerate(names):
            if name == "dice":
                weight = active * chosen[:, position]
                option = dice(hidden, active=weight, training=training)
            else:
                function = keras.activations.get(aggregation.MLP_ACTIVATION_FUNCTIONS[name])
                option = function(hidden)
            mixed = mixed + option * chosen[:, position]
        return mixed

    def inherit(self, model: keras.Model, mlp: tuple[HiddenLayer, ...]) -> None:
        """Copies the prefixes of one path into the derived model of its MLP.

        Args:
            model: What `models.amer.build` gives for the supernet's architecture with this MLP.
            mlp: The hidden layers.
        """
        self.space.validate(mlp)
        shared = {layer.name: layer for layer in self.stem.layers}
        for layer in model.layers:
            if layer.name in shared and layer.weights:
                layer.set_weights(shared[layer.name].get_weights())
        before = self.space.input_size
        for index, (layer, dense, dice) in enumerate(
            zip(mlp, self.hidden_layers, self.dices, strict=True)
        ):
            units = layer.size(self.space.input_size)
            kernel, bias = dense.get_weights()
            target = components.layer_name(f"hidden_{index}")
            model.get_layer(target).set_weights([kernel[:before, :units], bias[:units]])
            if layer.activation == "dice":
                own = model.get_layer(components.layer_name(f"hidden_{index}", "activation"))
                own.set_weights([weight[:units] for weight in dice.get_weights()])
            before = units
        kernel, bias = self.output_layer.get_weights()
        kernel = ops.convert_to_numpy(
            ops.concatenate([kernel[:before], kernel[self.space.width :]], axis=0)
        )
        model.get_layer(self.output_layer.name).set_weights([kernel, bias])


def _deal(tensor: Any, num_paths: int, feed: str) -> Any:
    """`(B, ...)` to `(P, B', ...)`: shares of the batch; or `(1, B, ...)`: one for all paths."""
    if feed == "split":
        return ops.reshape(tensor, (num_paths, -1, *tensor.shape[1:]))
    return ops.expand_dims(tensor, 0)
