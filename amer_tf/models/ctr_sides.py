"""The two sides of a model of task ctr: what is the user's alone, and what needs the target.

Letters: `C` candidate items of one user, `T` steps, `D = N_b * K`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from amer_tf.features import FeatureSpec
from amer_tf.layers import HistoryMatch, ResidualBlock
from amer_tf.models.components import layer_name


class CandidateNetwork:
    """Scores many candidate items for one user, whose behaviour is read once.

    Blocks and poolings of the behaviour do not depend on the target, but the target attention
    pooling at their end does. Where a block attends from the target nothing is shared, and the
    user is read again for each item, as in hand-made systems, which are not taken apart. All
    weights are the model's own.

    Args:
        model: What `models.amer.build` gave for the spec, or a hand-made system.
        spec: A spec of task ctr.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec) -> None:
        self._model = model
        self._behavior = tuple(field.name for field in spec.with_role("behavior"))
        empty = layer_name("empty_history")
        self.is_hand_made = bool(self._behavior) and all(
            layer.name != empty for layer in model.layers
        )
        is_found = bool(self._behavior) and not self.is_hand_made
        self.reads_user_once = is_found and not any(
            isinstance(layer, ResidualBlock) and layer.layer == "target_attention"
            for layer in model.layers
        )
        if self.reads_user_once:
            self._user_side, self._item_side = self._split()

    def _split(self) -> tuple[keras.Function, keras.Function]:
        """From behaviour to what the user's side gives, and from that and the rest to logits."""
        by_name = {tensor.name: tensor for tensor in self._model.inputs}
        user = {name: by_name.pop(name) for name in self._behavior}
        attention = layer_name("target_attention")
        shared, repeated = self._matched(user), {}
        if any(layer.name == attention for layer in self._model.layers):
            states, _, mask = self._model.get_layer(attention).input
            shared |= {"states": states, "mask": mask}
            repeated = {"pooled": self._model.get_layer(layer_name("pooled")).output}
        else:
            repeated = {"behavior": self._model.get_layer(layer_name("empty_history")).output}
        # A keras.Function leaves the layers as they are, where a keras.Model would add to them.
        return (
            keras.Function(user, {"shared": shared, "repeated": repeated}),
            keras.Function(
                {"shared": shared, "repeated": repeated, "inputs": by_name},
                self._model.outputs[0],
            ),
        )

    def _matched(self, user: Mapping[str, Any]) -> dict[str, Any]:
        """The histories that the target is looked for in, and which of their steps are valid."""
        matches = [layer for layer in self._model.layers if isinstance(layer, HistoryMatch)]
        if not matches:
            return {}
        _, _, mask = matches[0].input
        return {"mask": mask} | {f"history {name}": ids for name, ids in user.items()}

    def logits(self, user: Mapping[str, Any], items: Mapping[str, Any], num_items: Any) -> Any:
        """Logits `(C,)` of one user's candidates.

        Args:
            user: Encoded profile, context and behaviour fields by name, in a batch of one.
            items: Encoded target fields by name, `(C, ...)`.
            num_items: `C`.
        """
        others = {
            name: repeated_rows(values, num_items)
            for name, values in user.items()
            if not self.reads_user_once or name not in self._behavior
        }
        inputs = {**others, **items}
        if not self.reads_user_once:
            return self._model(inputs, training=False)
        behavior = self._user_side({name: user[name] for name in self._behavior})
        repeated = {
            name: repeated_rows(values, num_items) for name, values in behavior["repeated"].items()
        }
        return self._item_side(
            {"shared": behavior["shared"], "repeated": repeated, "inputs": inputs}
        )


def repeated_rows(values: Any, count: Any) -> Any:
    """`(count, ...)` of a batch of one."""
    return ops.repeat(values, count, axis=0)
