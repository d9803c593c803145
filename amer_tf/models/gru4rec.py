"""GRU4Rec: gated recurrent units that read a history forward."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import CAUSAL_STATES


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
    num_layers: int = 1,
    units: int | None = None,
) -> keras.Model:
    """Builds GRU4Rec+ with the inputs and outputs of `models.amer.build`.

    Per layer `z = sigmoid(W_z x + U_z h)`, `r = sigmoid(W_r x + U_r h)`,
    `g = tanh(W x + r U h)`, `h' = z h + (1 - z) g`, with biases. The newest state is the query;
    the item side is the same embeddings (the paper's unified item representation). The + is in
    the training: a query after each step (`models.every_position`), the loss `"bpr_max"` or
    `"top1_max"`, and negatives by popularity (`training.negatives`).

    Reference: Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains for
    Session-based Recommendations", 2018; one layer, as there. Its items have a bias, and the other
    items of a batch are negatives too; here neither.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings and on the states of each layer.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        num_layers: Positive integer.
        units: Positive integer, the units of each layer; None for those of the embeddings.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
        ValueError: Where a size is not positive.
    """
    sequence_parts.require_positive(num_layers=num_layers, units=units)
    history = sequence_parts.read_history(
        spec, "GRU4Rec", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    states = components.drop_states(history.states, dropout)
    for index in range(num_layers):
        states = sequence_parts.read_forward(states, history, units, f"gru_{index}")
        states = sequence_parts.drop(states, dropout, f"gru_{index}")
    states = keras.layers.Identity(name=CAUSAL_STATES)(states)
    newest = sequence_parts.newest_state(states, history)
    return sequence_parts.score_model(spec, history, newest, "gru4rec")
