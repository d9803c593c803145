"""The derived model of task ctr: all three stages, down to one logit."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from amer_tf.architecture import Architecture, ArchitectureError
from amer_tf.features import FeatureSpec
from amer_tf.models import aggregation, components
from amer_tf.models.behavior_parts import (
    Behavior,
    history_matches,
    pool_behavior,
    read_behavior,
)


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

    The MLP reads field embeddings, numbers, interactions, matches of the target in the history and
    the pooled behaviour; the shortcut fields and interactions. Numbers are inputs of the MLP alone.

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


class Reading(NamedTuple):
    """What a batch holds, before its behaviour is modelled.

    Attributes:
        inputs: Inputs by field name.
        table: Parts of `h_0` that stand before the behaviour: fields, numbers, matches of the
            target in the history, interactions.
        behavior: The behaviour and its target; None where the spec has none.
        shortcut: What is joined with the last hidden layer, `(B, K)` each.
    """

    inputs: dict[str, Any]
    table: list[Any]
    behavior: Behavior | None
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
    reading = read(
        spec,
        architecture,
        embedding_dim=embedding_dim,
        dropout=dropout,
        drop_event=drop_event,
        l2=l2,
    )
    parts = list(reading.table)
    if reading.behavior is not None:
        states, mask, target = reading.behavior
        states = components.run_blocks(
            architecture.blocks, states, mask, dropout, drop_operation, target
        )
        parts.append(pool_behavior(Behavior(states, mask, target)))
    return Stem(reading.inputs, aggregation.make_mlp_input(parts), reading.shortcut)


def read(
    spec: FeatureSpec,
    architecture: Architecture,
    *,
    embedding_dim: int,
    dropout: float = 0.0,
    drop_event: float = 0.0,
    l2: float = 0.0,
) -> Reading:
    """Embeddings, interactions and shortcut of an architecture, and the behaviour as it comes."""
    check(spec, architecture)
    embedding = components.make_embedding(spec, embedding_dim, l2)
    inputs = components.make_inputs(spec)
    fields = aggregation.read_fields(spec, inputs, embedding)
    interactions = aggregation.make_interactions(spec, architecture, fields.matrix)
    behavior = read_behavior(
        spec, inputs, embedding, fields, dropout=dropout, drop_event=drop_event
    )
    matches: list[Any] = []
    if architecture.history_match == "exact":
        assert behavior is not None
        matches = history_matches(spec, inputs, behavior.mask)
    table = [
        fields.matrix,
        *fields.numbers.values(),
        *matches,
        interactions if architecture.interactions_in_mlp else None,
    ]
    return Reading(
        inputs,
        [part for part in table if part is not None],
        behavior,
        aggregation.make_shortcut(architecture.shortcut, fields.matrix, interactions),
    )


def check(spec: FeatureSpec, architecture: Architecture) -> None:
    """Raises where the architecture cannot be built for the spec."""
    if architecture.causal:
        raise ArchitectureError(
            "A causal architecture is trained to predict each next item: of task 'ctr' there "
            "is none. Received: causal=True"
        )
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
    if architecture.history_match != "none" and not spec.target_to_behavior:
        raise ArchitectureError(
            "A match of the target in the history needs a target that is mapped to the behaviour. "
            f"Received: history_match={architecture.history_match!r}, spec.target_to_behavior={{}}"
        )
    if architecture.shortcut != "none" and not aggregation.interaction_fields(spec):
        raise ArchitectureError(
            "A shortcut reads embeddings of non-sequential fields, which this spec has not. "
            f"Received: shortcut={architecture.shortcut!r}"
        )
    aggregation.check_interactions(spec, architecture)
