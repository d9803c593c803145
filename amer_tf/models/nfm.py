"""NFM: an MLP over all pairs pooled to one vector."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import BiInteraction, FusedDropout
from amer_tf.models import aggregation, table_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool = False,
) -> keras.Model:
    """Builds an NFM: the linear part, and an MLP over the pooled pairs of non-sequential fields.

    `z = w^T x + MLP([sum_{i < j} e_i * e_j, numbers, sum_i h_i])`. The MLP reads the sum of a
    behaviour, where the spec has one.

    Reference: He and Chua, "Neural factorization machines for sparse predictive analytics", 2017.
    There the pooled pairs and each hidden layer before its ReLU are normalised over the batch, to
    be trained faster. Here they are not unless asked for: all systems of a comparison have one MLP
    (AMER, appendix C.2), which has no normalisation, and neither has NFM as a point of the search
    space (AMER, equation 14).

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the pooled pairs and on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.
        batch_normalization: Whether the pooled pairs and the hidden layers are normalised.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
    """
    table = table_parts.read_table(spec, "NFM", embedding_dim, l2)
    table_parts.require_fields(spec, "NFM")
    pooled = BiInteraction(name=layer_name("pairs"))(table.fields.matrix)
    if batch_normalization:
        pooled = keras.layers.BatchNormalization(name=layer_name("pairs", "normalization"))(pooled)
    pooled = FusedDropout(dropout, name=layer_name("pairs", "dropout"))(pooled)
    flat = aggregation.make_mlp_input([pooled, *table.others])
    logit = table_parts.sum_logit(
        table_parts.deep_part(flat, hidden_units, dropout, batch_normalization=batch_normalization),
        table_parts.linear_part(spec, table.inputs, l2),
    )
    return keras.Model(table.inputs, logit, name="nfm")
