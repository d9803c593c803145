"""The derived model of task ctr: all three stages, down to one logit."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from amer_tf import layers
from amer_tf.architecture import Architecture, ArchitectureError
from amer_tf.features import FeatureSpec
from amer_tf.models import aggregation, components
from amer_tf.models.components import layer_name, side_by_side


def build(
    spec: FeatureSpec,
    architecture: Architecture,
    *,
    embedding_dim: int,
    dropout: float = 0.0,
    drop_operation: float = 0.0,
    drop_event: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds the model of an architecture; the arguments are those of `amer.build`.

    The MLP reads field embeddings, numbers, interactions and the pooled behaviour; the shortcut
    fields and interactions. Numbers are inputs of the MLP alone.

    Returns: `keras.Model` from `spec.fields` by name to logits `(B,)`.
    """
    stem = make_stem(
        spec,
        architecture,
        embedding_dim=embedding_dim,
        dropout=dropout,
        drop_operation=drop_operation,
        drop_event=drop_event,
        l2=l2,
    )
    hidden = aggregation.make_mlp(stem.mlp_input, architecture.mlp, dropout)
    logit = aggregation.make_logit(hidden, *stem.shortcut)
    return keras.Model(stem.inputs, logit, name="amer")


class Stem(NamedTuple):
    """What lies before the hidden layers.

    Attributes:
        inputs: Inputs by field name.
        mlp_input: `h_0`, `(B, K_0)`.
        shortcut: What is joined with the last hidden layer, `(B, K)` each.
    """

    inputs: dict[str, Any]
    mlp_input: Any
    shortcut: list[Any]


def make_stem(
    spec: FeatureSpec,
    architecture: Architecture,
    *,
    embedding_dim: int,
    dropout: float = 0.0,
    drop_operation: float = 0.0,
    drop_event: float = 0.0,
    l2: float = 0.0,
) -> Stem:
    """Embeddings, interactions, behaviour and shortcut of an architecture, without its MLP."""
    check(spec, architecture)
    embedding = components.make_embedding(spec, embedding_dim, l2)
    inputs = components.make_inputs(spec)
    fields = aggregation.read_fields(spec, inputs, embedding)
    interactions = aggregation.make_interactions(spec, architecture, fields.matrix)
    mlp_parts = [
        fields.matrix,
        *fields.numbers,
        interactions if architecture.interactions_in_mlp else None,
    ]
    if spec.with_role("behavior"):
        mlp_parts.append(
            _behavior(
                spec,
                architecture,
                inputs,
                embedding,
                fields.embedded,
                dropout=dropout,
                drop_operation=drop_operation,
                drop_event=drop_event,
            )
        )
    present = [part for part in mlp_parts if part is not None]
    return Stem(
        inputs,
        aggregation.make_mlp_input(present),
        aggregation.make_shortcut(architecture.shortcut, fields.matrix, interactions),
    )


def _behavior(
    spec: FeatureSpec,
    architecture: Architecture,
    inputs: dict[str, Any],
    embedding: Any,
    embedded: dict[str, Any],
    *,
    dropout: float,
    drop_operation: float,
    drop_event: float,
) -> Any:
    """Sum, last state and, where there is a target, attention over the behaviour sequence."""
    kept = components.drop_events(spec, inputs, drop_event)
    mask = components.history_mask(spec, kept)
    states = components.behavior_states(spec, kept, mask, embedding, None)
    states = components.drop_states(states, dropout)
    target = _target(spec, embedded, states.shape[-1])
    states = components.run_blocks(
        architecture.blocks, states, mask, dropout, drop_operation, target
    )
    pooled = [components.pool_states(states, mask)]
    if target is not None:
        attention = layers.TargetAttentionPooling(name=layer_name("target_attention"))
        pooled.append(attention(states, target, states_mask=mask))
    joined = side_by_side("behavior_pooled", *pooled)
    return components.make_empty_history()(joined, mask)


def _target(spec: FeatureSpec, embedded: dict[str, Any], units: int) -> Any:
    """The target as a step of the behaviour, `(B, D)`, or None where the spec has none.

    Where a behaviour field has no counterpart in the target, the target fields are brought to `D`
    numbers by a linear layer.
    """
    targets = {behavior: target for target, behavior in spec.target_to_behavior.items()}
    if not targets:
        return None
    behavior = [field.name for field in spec.with_role("behavior")]
    parts = [embedded[targets[name]] for name in behavior if name in targets]
    joined = side_by_side("target", *parts)
    if joined.shape[-1] == units:
        return joined
    return keras.layers.Dense(units, use_bias=False, name=layer_name("target_projection"))(joined)


def check(spec: FeatureSpec, architecture: Architecture) -> None:
    """Raises where the architecture cannot be built for the spec."""
    has_behavior = bool(spec.with_role("behavior"))
    for index, block in enumerate(architecture.blocks):
        if not has_behavior:
            raise ArchitectureError(
                "Blocks read a behaviour sequence, which this spec has not. "
                f"Received: blocks[{index}]={block}"
            )
        if block.layer == "target_attention" and not spec.target_to_behavior:
            raise ArchitectureError(
                f"blocks[{index}].layer 'target_attention' needs a target that is mapped to the "
                "behaviour. Received: spec.target_to_behavior={}"
            )
    if architecture.shortcut != "none" and not aggregation.interaction_fields(spec):
        raise ArchitectureError(
            "A shortcut reads embeddings of non-sequential fields, which this spec has not. "
            f"Received: shortcut={architecture.shortcut!r}"
        )
    aggregation.check_interactions(spec, architecture)
