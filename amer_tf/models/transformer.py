"""SASRec: the hand-made causal transformer that a searched model has to beat."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import components
from amer_tf.models.components import layer_name
from amer_tf.models.next_item import NextItemNetwork

# The layer whose states have each seen their own step and older ones alone.
_CAUSAL_STATES = layer_name("normalization")


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

    Reference: Kang and McAuley, "Self-Attentive Sequential Recommendation", 2018.

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
    if num_blocks < 1:
        raise ValueError(
            f"`num_blocks` must be a positive integer. Received: num_blocks={num_blocks}"
        )
    embedding = components.make_embedding(spec, embedding_dim, l2)
    catalog_layer = components.make_catalog(spec, catalog)
    inputs = components.make_inputs(spec)
    mask = components.history_mask(spec, inputs)
    states = components.behavior_states(spec, inputs, mask, embedding, catalog_layer)
    states = components.drop_states(states, dropout)
    units = states.shape[-1]
    if num_heads < 1 or units % num_heads:
        raise ValueError(
            "`num_heads` must divide the units of the states. "
            f"Received: num_heads={num_heads}, units={units}"
        )
    for index in range(num_blocks):
        states = _block(states, mask, num_heads, dropout, f"block_{index}")
    states = layers.MaskedLayerNormalization(name=_CAUSAL_STATES)(states, mask=mask)
    newest = layers.LastPooling(name=layer_name("newest"))(states, mask)
    hidden = components.make_empty_history()(newest, mask)
    side = components.side_features(spec, inputs, embedding, ("profile", "context"))
    items = keras.Input(shape=(None,), dtype="int32", name=spec.item_field)
    vectors = components.item_vectors(spec, items, embedding, catalog_layer)
    hidden = components.side_by_side("user", hidden, *side)
    if hidden.shape[-1] == vectors.shape[-1]:
        query = keras.layers.Identity(name=layer_name("query"))(hidden)
    else:
        query = components.make_query(vectors.shape[-1])(hidden)
    scores = components.score_items(vectors, query)
    return keras.Model({**inputs, spec.item_field: items}, scores, name="transformer")


class EveryPositionNetwork(NextItemNetwork):
    """The transformer with a query after each step of the history, to train it as SASRec does.

    In training `query` gives `(B, T, Dq)`, the query after each step; else that of the newest.
    Only a causal model can be trained so: any other has seen the item that it is asked for.

    Args:
        model: Model as `build` gives it.
        spec: The spec that it was built for.

    Raises:
        ValueError: Where the model is no transformer of `build`.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec, **kwargs: Any) -> None:
        super().__init__(model, spec, **kwargs)
        if not any(layer.name == _CAUSAL_STATES for layer in model.layers):
            raise ValueError(
                "Only the causal transformer can be trained at every position: this model's steps "
                f"see the items that they are asked for. Received: model.name={model.name!r}"
            )
        inputs = {tensor.name: tensor for tensor in model.inputs if tensor.name != spec.item_field}
        self._step_queries = keras.Model(inputs, _step_queries(model, spec, inputs))

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`(B, T, Dq)` in training, else `(B, Dq)`."""
        if training:
            return self._step_queries(inputs, training=True)
        return super().query(inputs)


def _step_queries(model: keras.Model, spec: FeatureSpec, inputs: dict[str, Any]) -> Any:
    """What the model would ask for after each step, `(B, T, Dq)`."""
    states = model.get_layer(_CAUSAL_STATES).output
    embedding = model.get_layer(layer_name("embedding"))
    side = components.side_features(spec, inputs, embedding, ("profile", "context"))
    if side:
        known = components.side_by_side("side", *side)
        repeated = keras.layers.RepeatVector(spec.max_length, name=layer_name("side_of_steps"))
        states = components.side_by_side("user_of_steps", states, repeated(known))
    return model.get_layer(layer_name("query"))(states)


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
