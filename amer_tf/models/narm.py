"""NARM: recurrent units, and attention to their newest states."""

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
    units: int | None = None,
    local_steps: int | None = 3,
) -> keras.Model:
    """Builds NARM with the inputs and outputs of `models.amer.build`.

    With `h_j` the states of a GRU, the global encoder gives the newest, `h_t`, and the local one
    `c = sum_j a_j h_j`, `a_j = v^T sigmoid(A_1 h_t + A_2 h_j)`. The query is `B [h_t; c]`, the
    bilinear decoder. Both encoders read the same states, as in the paper. Train it with the query
    of the newest step.

    Reference: Li et al., "Neural Attentive Session-based Recommendation", 2017. AMER,
    Appendix C.1: the local encoder attends to the newest 3 items (5 on Steam).

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings and on `[h_t; c]`; in the paper .25 and .5.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        units: Positive integer, the units of the GRU; None for those of the embeddings.
        local_steps: Positive integer, the newest steps that the local encoder attends to; None
            for all, as in the paper.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
        ValueError: Where a number is not positive.
    """
    sequence_parts.require_positive(units=units, local_steps=local_steps)
    history = sequence_parts.read_history(
        spec, "NARM", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    states = components.drop_states(history.states, dropout)
    states = sequence_parts.read_forward(states, history, units, "gru")
    newest = sequence_parts.newest_state(states, history)
    # Steps without an event are zeros, which add nothing to the sum.
    take = layers.NewestSteps(local_steps or spec.max_length, name=layer_name("local_steps"))
    attention = layers.AdditiveAttentionPooling(use_bias=False, name=layer_name("attention"))
    local = attention(take(states, mask=history.mask), newest)
    hidden = components.side_by_side("encoders", newest, local)
    hidden = sequence_parts.drop(hidden, dropout, "encoders")
    return sequence_parts.score_model(
        spec, history, hidden, "narm", make_query=components.make_query
    )
