"""STAMP: attention to a history from its newest event and its mean."""

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
) -> keras.Model:
    """Builds STAMP with the inputs and outputs of `models.amer.build`.

    With `x_t` the newest event and `m_s` the mean of all, `a_i = w_0^T sigmoid(W_1 x_i + W_2 x_t
    + W_3 m_s + b)`, `m_a = sum_i a_i x_i`, `h_s = tanh(W_s m_a + b_s)`,
    `h_t = tanh(W_t x_t + b_t)`; the query is `h_s * h_t`, so the score is the trilinear product
    `<h_s, h_t, e_i>`. The sigmoid around it, which keeps the order of items, is left out: the
    losses take logits. Train it with the query of the newest step.

    Reference: Liu et al., "STAMP: Short-Term Attention/Memory Priority Model for Session-based
    Recommendation", 2018.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings and on `m_a`.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
    """
    history = sequence_parts.read_history(
        spec, "STAMP", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    states = components.drop_states(history.states, dropout)
    newest = sequence_parts.newest_state(states, history)
    mean = layers.MultiHotPooling("mean", name=layer_name("mean"))(states, history.mask)
    context = components.side_by_side("context", newest, mean)
    attention = layers.AdditiveAttentionPooling(name=layer_name("attention"))
    attended = attention(states, context, states_mask=history.mask)
    attended = sequence_parts.drop(attended, dropout, "attention")
    units = states.shape[-1]
    general = keras.layers.Dense(units, activation="tanh", name=layer_name("general"))(attended)
    current = keras.layers.Dense(units, activation="tanh", name=layer_name("current"))(newest)
    hidden = keras.layers.Multiply(name=layer_name("product"))([general, current])
    return sequence_parts.score_model(spec, history, hidden, "stamp")
