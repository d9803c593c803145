"""BERT4Rec: a bidirectional transformer that fills in hidden events."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.features import NUM_RESERVED_IDS, PADDING_ID, FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import layer_name
from amer_tf.models.every_position import step_queries
from amer_tf.models.next_item import NextItemNetwork

_CLOZE, _TOKEN, _STATES = map(layer_name, ("cloze", "token", "cloze_states"))


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
    num_blocks: int = 2,
    num_heads: int = 4,
    block_dropout: float = 0.2,
    mask_rate: float = 0.0,
) -> keras.Model:
    """Builds BERT4Rec with the inputs and outputs of `models.amer.build`.

    A learned token stands after the newest event, and a learned vector for the number of newer
    steps is added to each. Per block `A = LN(H + Drop(Attention(H)))`,
    `H' = LN(A + Drop(W_2 gelu(W_1 A)))`, each step attending to all. The query is
    `gelu(W_P h + b_P)` of the token's state; the item side is the same embeddings.

    With `mask_rate` events are hidden in training, to be asked for by `ClozeNetwork`, as in the
    paper; without it the query of the token is trained alone, as AMER trains it.

    Reference: Sun et al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder
    Representations from Transformer", 2019. AMER, Appendix C.1: 2 layers, 4 heads, dropout .5 on
    the inputs and .2 in the blocks. Its items have a bias on the side of the score, here none.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        num_blocks: Positive integer.
        num_heads: Positive integer that divides `D = N_b * K`.
        block_dropout: Rate of dropout on what each block adds.
        mask_rate: Fraction of the events that are hidden in training; in the paper .6 on Beauty
            and .4 on Steam.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
        ValueError: Where a number does not fit.
    """
    sequence_parts.require_positive(num_blocks=num_blocks)
    history = sequence_parts.read_history(
        spec, "BERT4Rec", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    cloze = layers.ClozeMask(mask_rate, name=_CLOZE)(history.mask)
    mask = cloze["mask"]
    states = layers.MaskToken(name=_TOKEN)(history.states, cloze["asked"])
    recency = layers.RecencyPositionEmbedding(spec.max_length + 1, name=layer_name("recency"))
    states = components.drop_states(recency(states, mask), dropout)
    for index in range(num_blocks):
        states = _block(states, mask, num_heads, block_dropout, f"block_{index}")
    states = keras.layers.Identity(name=_STATES)(states)
    token = layers.LastPooling(name=layer_name("newest"))(states, mask)
    return sequence_parts.score_user(spec, history, token, "bert4rec", make_query=_make_query)


class ClozeNetwork(NextItemNetwork):
    """Trains BERT4Rec to fill in hidden events and what follows the newest.

    Batches come with the next item of each step (`ask="every_position"`), so the last one is the
    item after the newest. In training `ask` gives the queries of all steps and of the token, and
    the items that they ask for: padding where a step is not hidden.

    Args:
        model: Model as `build` gives it, of a `mask_rate` above 0.
        spec: The spec that it was built for.

    Raises:
        ValueError: Where no event of the model is ever hidden.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec, **kwargs: Any) -> None:
        super().__init__(model, spec, **kwargs)
        rate = next((layer.rate for layer in model.layers if layer.name == _CLOZE), 0.0)
        if not rate:
            raise ValueError(
                "Cloze training needs a model that hides events: build BERT4Rec with `mask_rate` "
                f"above 0. Received: model.name={model.name!r}, mask_rate={rate}"
            )
        inputs = {tensor.name: tensor for tensor in model.inputs if tensor.name != spec.item_field}
        queries = step_queries(model, spec, inputs, model.get_layer(_STATES).output)
        _, asked = model.get_layer(_TOKEN).input
        self._cloze = keras.Model(inputs, {"queries": queries, "asked": asked})
        self._history_field = spec.history_field

    def ask(self, inputs: dict[str, Any], labels: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Queries `(B, T + 1, Dq)` of a training step, and labels `(B, T + 1)` for them.

        Args:
            inputs: A batch named by the spec.
            labels: `positives` `(B, T)`, the next item of each step, and maybe `negatives`
                `(B, T)`, items that the user has not had.
        """
        history, following = inputs[self._history_field], labels["positives"]
        if tuple(following.shape) != tuple(history.shape):
            raise ValueError(
                "Cloze training needs the next item of each step: make the batches with "
                "`ask='every_position'`. Received: "
                f"positives.shape={tuple(following.shape)}, history.shape={tuple(history.shape)}"
            )
        outputs = self._cloze(inputs, training=True)
        # A hidden event asks for itself, the token for what follows the newest event.
        newest = ops.max(_where_newest(history, following), axis=1, keepdims=True)
        known = ops.where(history >= NUM_RESERVED_IDS, history, PADDING_ID)
        sequence = ops.concatenate([known, newest], axis=1)
        asked = {"positives": ops.where(outputs["asked"], sequence, PADDING_ID)}
        if "negatives" in labels:
            # Any of the user's negatives will do where the next item of a step was padding.
            own = labels["negatives"]
            filled = ops.where(own == PADDING_ID, ops.max(own, axis=1, keepdims=True), own)
            asked["negatives"] = ops.concatenate([filled, filled[:, :1]], axis=1)
        return outputs["queries"], asked


def _where_newest(history: Any, following: Any) -> Any:
    """`following` at the newest event of each history, else padding."""
    valid = ops.cast(ops.not_equal(history, PADDING_ID), "int32")
    newer = ops.sum(valid, axis=1, keepdims=True) - ops.cumsum(valid, axis=1)
    return ops.where(ops.logical_and(valid > 0, newer == 0), following, PADDING_ID)


def _make_query(units: int) -> keras.layers.Layer:
    return keras.layers.Dense(units, activation="gelu", name=layer_name("query"))


def _block(states: Any, mask: Any, num_heads: int, dropout: float, block: str) -> Any:
    """One transformer block, normalised after each sum."""
    units = states.shape[-1]

    def added(states: Any, output: Any, name: str) -> Any:
        output = sequence_parts.drop(output, dropout, block, name)
        total = keras.layers.Add(name=layer_name(block, f"{name}_sum"))([states, output])
        normalize = layers.MaskedLayerNormalization(name=layer_name(block, f"{name}_normalization"))
        return normalize(total, mask=mask)

    attend = layers.SelfAttention(num_heads, name=layer_name(block, "attention"))
    states = added(states, attend(states, mask=mask), "attention")
    widen = keras.layers.Dense(4 * units, activation="gelu", name=layer_name(block, "hidden"))
    narrow = keras.layers.Dense(units, name=layer_name(block, "output"))
    return added(states, narrow(widen(states)), "feed_forward")
