"""Builds the derived model of one architecture as an ordinary Keras model."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.architecture import Architecture, ArchitectureError
from amer_tf.features import FeatureSpec
from amer_tf.models import components, ctr


def build(
    spec: FeatureSpec,
    architecture: Architecture,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    drop_operation: float = 0.0,
    drop_event: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
) -> keras.Model:
    """Builds the model that an architecture describes (paper, section 2.1).

    For task `"next_item"` the score of item `i` is `e_i^T W h` (equation 7), with a layer
    normalisation of `h`: a sum over steps is as long as the history. The layer `"amer.query"`
    gives `W h`, the layer `"amer.item_vector"` gives `e_i`.

    Args:
        spec: What the model reads and predicts.
        architecture: The blocks to stack; for task `"ctr"` interactions, shortcut and MLP too.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the behaviour embeddings, on each block's operation, and on the
            hidden layers of the MLP.
        drop_operation: Rate at which a whole operation is dropped for an example, in training.
        drop_event: Rate at which events of the history are turned into padding, in training.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: Integer array of shape `(item rows, columns)`: what is known of each item, for
            next_item specs with more target fields than the item id. It is saved with the model.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and for next_item the encoded items to
        score, `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`; for ctr logits `(B,)`.

    Raises:
        ArchitectureError: Where the architecture does not fit the spec.
        SpecError: Where the spec has no such model, or the catalog has another shape.
    """
    check(spec, architecture)
    if spec.task == "ctr":
        return ctr.build(
            spec,
            architecture,
            embedding_dim=embedding_dim,
            dropout=dropout,
            drop_operation=drop_operation,
            drop_event=drop_event,
            l2=l2,
        )
    embedding = components.make_embedding(spec, embedding_dim, l2)
    catalog_layer = components.make_catalog(spec, catalog)
    inputs = components.make_inputs(spec)
    kept = components.drop_events(spec, inputs, drop_event)
    mask = components.history_mask(spec, kept)
    states = components.behavior_states(spec, kept, mask, embedding, catalog_layer)
    states = components.drop_states(states, dropout)
    states = components.run_blocks(
        architecture.blocks, states, mask, dropout, drop_operation, causal=architecture.causal
    )
    if architecture.causal:
        pooled = components.take_newest(components.pool_older_states(states, mask), mask)
    else:
        pooled = components.pool_states(states, mask)
    behavior = components.make_empty_history()(pooled, mask)
    side = components.side_features(spec, inputs, embedding, ("profile", "context"))
    hidden = components.side_by_side("user", behavior, *side)
    hidden = components.make_query_normalization()(hidden)
    items = keras.Input(shape=(None,), dtype="int32", name=spec.item_field)
    vectors = components.item_vectors(spec, items, embedding, catalog_layer)
    query = components.make_query(vectors.shape[-1])(hidden)
    scores = components.score_items(vectors, query)
    return keras.Model({**inputs, spec.item_field: items}, scores, name="amer")


def check(spec: FeatureSpec, architecture: Architecture) -> None:
    """Raises where the architecture cannot be built for the spec."""
    if spec.task == "ctr":
        ctr.check(spec, architecture)
        return
    for index, block in enumerate(architecture.blocks):
        if block.layer == "target_attention":
            raise ArchitectureError(
                f"blocks[{index}].layer 'target_attention' needs a target among the inputs, which "
                "task 'next_item' has not. Received: spec.task='next_item'"
            )
    for part in ("interactions", "mlp"):
        if getattr(architecture, part):
            raise ArchitectureError(
                f"A model of task 'next_item' has no {part}. "
                f"Received: {part}={getattr(architecture, part)!r}"
            )
