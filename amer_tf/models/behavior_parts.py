"""Stage 1 of task ctr: the behaviour sequence, the target beside it, and what is pooled of both.

Letters: `B` batch, `T` steps, `K` embedding dimension, `D = N_b * K`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec, NumericField
from amer_tf.models import components
from amer_tf.models.aggregation import Fields
from amer_tf.models.components import layer_name, side_by_side


class Behavior(NamedTuple):
    """What the blocks read and give. Supernets put an axis of paths before the others.

    Attributes:
        states: The grouped behaviour embedding `H_0`, or what blocks made of it, `(B, T, D)`.
        mask: `(B, T)`: which steps hold an event.
        target: The target as a step of the behaviour, `(B, D)`; None where there is none.
    """

    states: Any
    mask: Any
    target: Any = None


def read_behavior(
    spec: FeatureSpec,
    inputs: dict[str, Any],
    embedding: Any,
    fields: Fields,
    *,
    dropout: float = 0.0,
    drop_event: float = 0.0,
) -> Behavior | None:
    """The behaviour of a batch and its target, or None where the spec has no behaviour."""
    if not spec.with_role("behavior"):
        return None
    kept = components.drop_events(spec, inputs, drop_event)
    mask = components.history_mask(spec, kept)
    states = components.behavior_states(spec, kept, mask, embedding, None)
    states = components.drop_states(states, dropout)
    return Behavior(states, mask, target_state(spec, fields, states.shape[-1]))


def target_state(spec: FeatureSpec, fields: Fields, units: int) -> Any:
    """The target as a step of the behaviour, `(B, D)`, or None where the spec has none.

    Where a behaviour field has no counterpart in the target, or numbers stand in both, what there
    is of the target is brought to `D` numbers by a linear layer.
    """
    targets = {behavior: target for target, behavior in spec.target_to_behavior.items()}
    if not targets:
        return None
    read = {**fields.embedded, **fields.numbers}
    behavior = [field.name for field in spec.with_role("behavior")]
    joined = side_by_side("target", *(read[targets[name]] for name in behavior if name in targets))
    if joined.shape[-1] == units:
        return joined
    return keras.layers.Dense(units, use_bias=False, name=layer_name("target_projection"))(joined)


def history_matches(spec: FeatureSpec, inputs: dict[str, Any], mask: Any) -> list[Any]:
    """How often, and how lately, the history has each field of the target: `(B, 2)` each.

    Args:
        spec: What the model reads.
        inputs: Inputs by field name.
        mask: `(B, T)`: which steps hold an event.
    """
    return [
        layers.HistoryMatch(name=layer_name("match", target))(
            inputs[behavior], inputs[target], mask
        )
        for target, behavior in spec.target_to_behavior.items()
        if not isinstance(spec.field(target), NumericField)
    ]


def pool_behavior(behavior: Behavior) -> Any:
    """Sum, newest state and, where there is a target, attention from it: `(B, 2 D)` or `(B, 3 D)`.

    A learned vector stands for users without a history.
    """
    pooled = [components.pool_states(behavior.states, behavior.mask)]
    if behavior.target is not None:
        pooled.append(make_target_pooling()(behavior.states, behavior.target, behavior.mask))
    joined = side_by_side("behavior_pooled", *pooled)
    joined = components.make_empty_history()(joined, behavior.mask)
    return make_pooled_normalization(behavior.target is not None)(joined)


def make_pooled_normalization(has_target: bool) -> keras.layers.Layer:
    """Normalisation of each pooled part, small at first: a sum is as long as the history."""
    return keras.layers.GroupNormalization(
        groups=3 if has_target else 2,
        epsilon=1e-6,
        gamma_initializer=keras.initializers.Constant(0.1),
        name=layer_name("pooled_normalization"),
    )


def make_target_pooling() -> keras.layers.Layer:
    """The attention from the target over all steps (paper, section 2.1, stage 1)."""
    return layers.TargetAttentionPooling(name=layer_name("target_attention"))
