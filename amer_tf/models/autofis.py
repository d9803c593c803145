"""AutoFIS: DeepFM without the pairs that are of no use, and the network that finds them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import InnerProducts
from amer_tf.models import aggregation, table_parts
from amer_tf.models.components import layer_name

GATES = layer_name("gates")
# What a gate is before the search (the authors' code).
FIRST_GATE = 0.6


def build(
    spec: FeatureSpec,
    *,
    pairs: Sequence[Sequence[str]] | None = None,
    attention: Sequence[float] | None = None,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a DeepFM over chosen pairs, each with a weight that is trained like all others.

    `z = w^T x + sum_{(i, j)} a_ij <e_i, e_j> + MLP([e, numbers, sum_i h_i])` (AMER, equation 18).
    Which pairs, and what `a` is at first, `search.pair_selection` finds. The MLP reads the sum of a
    behaviour, where the spec has one.

    Reference: Liu et al., "AutoFIS: automatic feature interaction selection in factorization models
    for click-through rate prediction", 2020. Second stage; the products are not normalised, as in
    equation 18.

    Args:
        spec: What the model reads and predicts, of task ctr.
        pairs: Names of two different non-sequential fields with embeddings each; None for all.
        attention: `a` of each pair before training; None for 1.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
        ValueError: Where a pair holds other fields, or there are not as many weights as pairs.
    """
    table = _read(spec, embedding_dim, l2)
    if pairs is None:
        pairs = field_pairs(spec)
    if attention is None:
        attention = [1.0] * len(pairs)
    if len(attention) != len(pairs):
        raise ValueError(
            "`attention` must hold one number for each pair. "
            f"Received: {len(attention)} numbers, {len(pairs)} pairs"
        )
    parts = [table_parts.linear_part(spec, table.inputs, l2)]
    if len(pairs):
        products = InnerProducts(_positions(spec, pairs), name=layer_name("pairs"))
        weigh = keras.layers.Dense(1, use_bias=False, name=layer_name("attention"))
        parts.append(weigh(products(table.fields.matrix)))
        weigh.kernel.assign([[float(weight)] for weight in attention])
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.sum_logit(hidden, *parts), name="autofis")


def build_gated(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds the network of the first stage: a DeepFM with a gate for each pair.

    `z = w^T x + sum_{i < j} a_ij BN(<e_i, e_j>) + MLP([e, numbers, sum_i h_i])`. The normalisation
    has no scale and no shift: without it `a` could shrink and the embeddings grow, and nothing
    would tell which pairs matter.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`; `a` is the kernel of its layer
        `GATES`, the pairs in the order of `field_pairs`.
    """
    table = _read(spec, embedding_dim, l2)
    products = InnerProducts(name=layer_name("pairs"))(table.fields.matrix)
    normalized = keras.layers.BatchNormalization(
        center=False, scale=False, name=layer_name("pairs", "normalization")
    )(products)
    gates = keras.layers.Dense(
        1, use_bias=False, kernel_initializer=keras.initializers.Constant(FIRST_GATE), name=GATES
    )
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    linear = table_parts.linear_part(spec, table.inputs, l2)
    logit = table_parts.sum_logit(hidden, gates(normalized), linear)
    return keras.Model(table.inputs, logit, name="autofis_gated")


def field_pairs(spec: FeatureSpec) -> list[tuple[str, str]]:
    """All pairs of the non-sequential fields with embeddings."""
    return list(itertools.combinations(aggregation.interaction_fields(spec), 2))


def _read(spec: FeatureSpec, embedding_dim: int, l2: float) -> table_parts.Table:
    table = table_parts.read_table(spec, "AutoFIS", embedding_dim, l2)
    table_parts.require_fields(spec, "AutoFIS")
    return table


def _positions(spec: FeatureSpec, pairs: Sequence[Sequence[str]]) -> list[list[int]]:
    """The pairs as positions on the axis of the fields."""
    known = aggregation.interaction_fields(spec)
    for index, pair in enumerate(pairs):
        if len(pair) != 2 or len(set(pair)) < 2 or set(pair) - set(known):
            raise ValueError(
                "Each of `pairs` must hold two different non-sequential fields with embeddings; "
                f"those are {list(known)}. Received: pairs[{index}]={tuple(pair)}"
            )
    return [[known.index(name) for name in pair] for pair in pairs]
