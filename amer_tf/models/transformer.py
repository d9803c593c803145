"""SASRec: the hand-made causal transformer that a searched model has to beat."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import CAUSAL_STATES, layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    num_blocks: int = 2,
    num_heads: int = 2,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
) -> keras.Model:
    """Builds a transformer with the inputs and outputs of `models.amer.build`.

    Per block `H' = H + Drop(Attention(LN(H)))`, `H = H' + Drop(W_2 relu(W_1 LN(H')))`, each step
    attending to itself and older ones. The state of the newest step, normalised, is the query;
    the item side is the same embeddings. A linear layer stands between them where their widths
    differ, or where the spec has profile or context fields.

    Reference: Kang and McAuley, "Self-Attentive Sequential Recommendation", 2018, which has one
    head.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        num_blocks: Positive integer.
        num_heads: Positive integer that divides `D = N_b * K`.
        dropout: Rate of dropout on the embeddings and on what each block adds.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.
    """
    spec.require_task("next_item", "The transformer")
    sequence_parts.require_positive(num_blocks=num_blocks)
    history = sequence_parts.read_history(
        spec,
        "The transformer",
        embedding_dim=embedding_dim,
        l2=l2,
        catalog=catalog,
        recency=True,
    )
    mask = history.mask
    states = components.drop_states(history.states, dropout)
    units = states.shape[-1]
    if num_heads < 1 or units % num_heads:
        raise ValueError(
            "`num_heads` must divide the units of the states. "
            f"Received: num_heads={num_heads}, units={units}"
        )
    for index in range(num_blocks):
        states = _block(states, mask, num_heads, dropout, f"block_{index}")
    states = layers.MaskedLayerNormalization(name=CAUSAL_STATES)(states, mask=mask)
    newest = sequence_parts.newest_state(states, history)
    return sequence_parts.score_model(spec, history, newest, "transformer")


def _block(states: Any, mask: Any, num_heads: int, dropout: float, block: str) -> Any:
    """One transformer block, normalised first, as it trains without a warm-up."""
    units = states.shape[-1]

    def named(part: str) -> str:
        return layer_name(block, part)

    def added(states: Any, output: Any, name: str) -> Any:
        output = layers.FusedDropout(dropout, name=named(f"{name}_dropout"))(output)
        return keras.layers.Add(name=named(f"{name}_sum"))([states, output])

    normalize = layers.MaskedLayerNormalization(name=named("attention_normalization"))
    normalized = normalize(states, mask=mask)
    attend = keras.layers.MultiHeadAttention(num_heads, units // num_heads, name=named("attention"))
    # Each step attends to the valid ones up to itself.
    attention = attend(normalized, normalized, value_mask=mask, use_causal_mask=True)
    states = added(states, attention, "attention")
    normalize = layers.MaskedLayerNormalization(name=named("feed_forward_normalization"))
    normalized = normalize(states, mask=mask)
    hidden = keras.layers.Dense(units, activation="relu", name=named("hidden"))(normalized)
    output = keras.layers.Dense(units, name=named("output"))(hidden)
    return added(states, output, "feed_forward")
