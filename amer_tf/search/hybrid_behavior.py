"""The supernet of step 1 of task ctr: choice blocks between the embeddings and a predefined MLP.

Letters: `P` paths, `B` batch, `B'` examples of one path, `T` steps, `D` units, `K_0` width of the
MLP's input, `N` non-sequential fields with embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from amer_tf import layers
from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models import components, ctr
from amer_tf.models.aggregation import make_mlp_input
from amer_tf.models.behavior_parts import (
    Behavior,
    make_pooled_normalization,
    make_target_pooling,
)
from amer_tf.models.components import layer_name
from amer_tf.search import fair
from amer_tf.search.path_supernet import PathSupernet
from amer_tf.search.spaces import BehaviorSpace


class HybridBehaviorSupernet(PathSupernet):
    """From a batch through all paths of a fair group to one logit of each.

    Fields, numbers and what is pooled of a path's states are the input of one MLP for all paths
    (paper, section 2.3, step 1): ReLU, without interactions, with the shortcut over the fields.

    Args:
        spec: What the model reads and predicts, of task ctr, with a behaviour.
        space: The choices; attention from the target needs a target that is mapped to a behaviour.
        hidden_units: Sizes of the MLP's hidden layers.
        shortcut: As in `Architecture`.
        history_match: As in `Architecture`.
        embedding_dim: `K`.
        dropout: Rate of dropout on behaviour embeddings, operations and hidden layers in training.
        l2: Weight of the squared embeddings that a batch gathers.
        feed: `"split"`: each path trains on its share of the batch; `"replicate"`: on all of it.
        seed: Seed of the paths.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        space: BehaviorSpace,
        *,
        hidden_units: Sequence[int] = (200, 80),
        shortcut: str = "squeeze_excitation",
        history_match: str = "none",
        embedding_dim: int = 16,
        dropout: float = 0.0,
        l2: float = 0.0,
        feed: str = "split",
        seed: int = 0,
    ) -> None:
        super().__init__("hybrid_behavior_supernet", space, feed, seed)
        self.spec = spec
        reading = ctr.read(
            spec,
            Architecture(shortcut=shortcut, history_match=history_match),
            embedding_dim=embedding_dim,
            dropout=dropout,
            l2=l2,
        )
        if reading.behavior is None:
            raise ValueError(
                "The supernet of step 1 needs a behaviour sequence. "
                f"Received: {[field.name for field in spec]}"
            )
        outputs = {"states": reading.behavior.states, "mask": reading.behavior.mask}
        if reading.behavior.target is not None:
            outputs["target"] = reading.behavior.target
        if reading.table:
            outputs["table"] = make_mlp_input(reading.table)
        if reading.shortcut:
            outputs["shortcut"] = components.side_by_side("shortcut", *reading.shortcut)
        self.stem = keras.Model(reading.inputs, outputs, name="stem")
        self.blocks = self.make_blocks(dropout)
        self.target_attention = make_target_pooling() if "target" in outputs else None
        self.empty_history = components.make_empty_history()
        self.pooled_normalization = make_pooled_normalization("target" in outputs)
        self.hidden_layers = [
            keras.layers.Dense(units, activation="relu", name=layer_name(f"hidden_{index}"))
            for index, units in enumerate(hidden_units)
        ]
        self.dropout_layer = layers.FusedDropout(dropout, name=layer_name("hidden_dropout"))
        self.output_layer = keras.layers.Dense(1, name=layer_name("output"))
        widths = {name: tensor.shape[-1] for name, tensor in outputs.items()}
        self._table_width = widths.get("table", 0)
        self._build_weights(widths["states"], widths.get("shortcut", 0))

    def _build_weights(self, units: int, shortcut_width: int) -> None:
        steps, attention = self.spec.max_length, self.target_attention
        self.build_blocks(steps, units, with_target=attention is not None)
        pooled = 2 * units
        if attention is not None:
            attention.build((None, steps, units), (None, units))
            pooled += units
        self.empty_history.build((None, pooled))
        self.pooled_normalization.build((None, pooled))
        width = self._table_width + pooled
        for dense in self.hidden_layers:
            dense.build((None, width))
            width = dense.units
        self.output_layer.build((None, width + shortcut_width))
        self.built = True

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
        group: fair.PathGroup,
        feed: str = "replicate",
        training: bool = False,
    ) -> Any:
        """Logits of each path of a group: `(P, B)`, or `(P, B / P)` for `"split"`."""
        stem = self.stem(inputs, training=training)
        paths = self.run_group(_behavior(stem), group, feed, training)
        table, shortcut = (self.deal(stem.get(name), feed) for name in ("table", "shortcut"))
        return self._head(paths, table, shortcut, training)

    def logits(
        self, inputs: dict[str, Any], architecture: Architecture, training: bool = False
    ) -> Any:
        """Logits `(B,)` of one path, run by itself: the reference of the fair paths."""
        stem = self.stem(inputs, training=training)
        path = self.run_path(_behavior(stem), architecture, training)
        return self._head(path, stem.get("table"), stem.get("shortcut"), training)

    def _head(self, behavior: Behavior, table: Any, shortcut: Any, training: bool) -> Any:
        """Logits, without the last axis of states `(..., T, D)` and the axis of steps."""
        states, mask, target = behavior
        pooled = components.pool_states(states, mask)
        if self.target_attention is not None:
            flat = [
                ops.reshape(each, (-1, *each.shape[len(pooled.shape) - 1 :]))
                for each in (states, target, mask)
            ]
            attended = self.target_attention(flat[0], flat[1], flat[2])
            shape = (*ops.shape(pooled)[:-1], states.shape[-1])
            pooled = ops.concatenate([pooled, ops.reshape(attended, shape)], axis=-1)
        hidden = self.empty_history(pooled, mask)
        flat_hidden = ops.reshape(hidden, (-1, hidden.shape[-1]))
        hidden = ops.reshape(self.pooled_normalization(flat_hidden), ops.shape(hidden))
        if table is not None:
            hidden = ops.concatenate([table, hidden], axis=-1)
        for dense in self.hidden_layers:
            hidden = self.dropout_layer(dense(hidden), training=training)
        if shortcut is not None:
            hidden = ops.concatenate([hidden, shortcut], axis=-1)
        return ops.squeeze(self.output_layer(hidden), -1)

    def inherit(self, model: keras.Model, architecture: Architecture) -> None:
        """Copies the weights of one path into a model with its blocks.

        Where the model has interactions too, what reads them starts at zero: its MLP gives what it
        gave without them.

        Args:
            model: What `models.amer.build` gives for the blocks with the predefined MLP.
            architecture: What it was built of.
        """
        self.inherit_blocks(model, architecture)
        mlp = (*self.hidden_layers, self.output_layer)
        self._share(model, {layer.name: layer for layer in (*self._read_layers(), *mlp)})

    def start(self, model: keras.Model) -> None:
        """Copies what reads the batch, without blocks and MLP, into the stem of another model."""
        self._share(model, {layer.name: layer for layer in self._read_layers()})

    def _read_layers(self) -> list[keras.layers.Layer]:
        heads = [self.empty_history, self.pooled_normalization]
        if self.target_attention is not None:
            heads.append(self.target_attention)
        return [*self.stem.layers, *heads]

    def _share(self, model: keras.Model, shared: dict[str, keras.layers.Layer]) -> None:
        for layer in model.layers:
            if layer.name not in shared or not layer.weights:
                continue
            # In the MLP's input interactions stand before the behaviour, elsewhere at the end.
            place = self._table_width if layer.name == layer_name("hidden_0") else None
            layer.set_weights(
                [
                    _widened(value, tuple(variable.shape), place)
                    for value, variable in zip(
                        shared[layer.name].get_weights(), layer.weights, strict=True
                    )
                ]
            )


def _behavior(stem: dict[str, Any]) -> Behavior:
    return Behavior(stem["states"], stem["mask"], stem.get("target"))


def _widened(value: Any, shape: tuple[int, ...], place: int | None) -> Any:
    """An array brought to a shape by zeros, inserted at a place of each axis, or at its end."""
    for axis, (size, wanted) in enumerate(zip(value.shape, shape, strict=True)):
        if size < wanted:
            start = size if place is None else place
            before, after = np.split(value, [start], axis=axis)
            zeros = np.zeros((*value.shape[:axis], wanted - size, *value.shape[axis + 1 :]))
            value = np.concatenate([before, zeros.astype(value.dtype), after], axis=axis)
    return value
