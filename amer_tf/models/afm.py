"""AFM: a factorization machine that attends to its pairs."""

from __future__ import annotations

import itertools

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import FusedDropout, HadamardProducts, ProductAttention
from amer_tf.models import table_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    attention_units: int = 16,
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds an AFM: the linear part and the weighted pairs of the non-sequential fields.

    `z = w^T x + p^T sum_{i < j} a_ij (e_i * e_j) + b` with `a = softmax(h^T relu(W (e_i * e_j) +
    c))`. A number has a weight in the linear part alone; behaviours are inputs that are not read.

    Reference: Xiao et al., "Attentional factorization machines", 2017, equation 6.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        attention_units: Rows of `W`.
        dropout: Rate of dropout on the products of the pairs.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
        ValueError: Where `attention_units` is not positive.
    """
    table = table_parts.read_table(spec, "AFM", embedding_dim, l2)
    table_parts.require_fields(spec, "AFM")
    matrix = table.fields.matrix
    pairs = list(itertools.combinations(range(matrix.shape[1]), 2))
    products = HadamardProducts(pairs, name=layer_name("pairs"))(matrix)
    products = FusedDropout(dropout, name=layer_name("pairs", "dropout"))(products)
    pooled = ProductAttention(attention_units, name=layer_name("attention"))(products)
    logit = table_parts.sum_logit(
        pooled, table_parts.linear_part(spec, table.inputs, l2, with_numbers=True)
    )
    return keras.Model(table.inputs, logit, name="afm")
