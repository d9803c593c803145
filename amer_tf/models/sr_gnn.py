"""SR-GNN: a gated network over the graph of a history's items."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
    num_rounds: int = 1,
) -> keras.Model:
    """Builds SR-GNN with the inputs and outputs of `models.amer.build`.

    The items of a history are the nodes of a graph, two events in a row an edge; a gated graph
    network gives each node a state `v` (`layers.GatedGraph`). With `v_n` that of the newest item,
    `s = sum_i a_i v_i` over the events, `a_i = q^T sigmoid(W_1 v_n + W_2 v_i + c)`; the query is
    `W_3 [v_n; s]`. Train it with the query of the newest step.

    Reference: Wu et al., "Session-based Recommendation with Graph Neural Networks", 2019; one
    round, as there. AMER, Appendix C.1, adds 1e-6 of all squared weights to the loss and starts
    at a rate of 1e-7; here `l2` is that of the embeddings, as for all systems, and the trainer
    limits the norm of the gradients.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        num_rounds: Positive integer, how often the nodes hear of their neighbours.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
        ValueError: Where a number is not positive.
    """
    history = sequence_parts.read_history(
        spec, "SR-GNN", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    states = components.drop_states(history.states, dropout)
    ids = history.inputs[spec.history_field]
    graph = layers.SessionGraph(name=layer_name("graph"))(ids, history.mask)
    states = layers.GatedGraph(num_rounds, name=layer_name("gated_graph"))(states, **graph)
    newest = sequence_parts.newest_state(states, history)
    attention = layers.AdditiveAttentionPooling(name=layer_name("attention"))
    whole = attention(states, newest, states_mask=history.mask)
    hidden = components.side_by_side("session", newest, whole)
    return sequence_parts.score_model(
        spec, history, hidden, "sr_gnn", make_query=components.make_query
    )
