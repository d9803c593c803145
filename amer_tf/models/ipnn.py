"""IPNN: an MLP over embeddings and the inner products of all their pairs."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import InnerProducts
from amer_tf.models import aggregation, table_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds an IPNN: an MLP that reads the pairs of the non-sequential fields beside them.

    `z = MLP([e, <e_1, e_2>, <e_1, e_3>, ..., numbers, sum_i h_i])`. The MLP reads the sum of a
    behaviour, where the spec has one.

    Reference: Qu et al., "Product-based neural networks for user response prediction", 2016; each
    product is an input of its own, not factorised.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
    """
    table = table_parts.read_table(spec, "IPNN", embedding_dim, l2)
    table_parts.require_fields(spec, "IPNN")
    matrix = table.fields.matrix
    products = InnerProducts(name=layer_name("pairs"))(matrix)
    flat = aggregation.make_mlp_input([matrix, products, *table.others])
    hidden = table_parts.deep_part(flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.sum_logit(hidden), name="ipnn")
