"""xDeepFM: a compressed interaction network and an MLP over the same embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import CompressedInteraction
from amer_tf.models import table_parts
from amer_tf.models.components import layer_name, side_by_side


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    cin_sizes: Sequence[int] = (128, 128),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds an xDeepFM: linear part, CIN of the non-sequential fields, and an MLP.

    `z = w^T x + MLP([e, numbers, sum_i h_i]) + v^T CIN(e)`; layer `k` of the CIN has the rows
    `x^k_h = sum_ij W^{k,h}_ij (x^{k-1}_i * x^0_j)`, each summed over the embedding. The MLP reads
    the sum of a behaviour, where the spec has one.

    Reference: Lian et al., "xDeepFM: combining explicit and implicit feature interactions for
    recommender systems", 2018. AMER, appendix C.2: 256 rows on Criteo, 128 on Avazu; of how many
    layers is not said, and 256 take four times as long.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        cin_sizes: Rows of each layer of the CIN.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has no non-sequential field with
            embeddings.
        ValueError: Where `cin_sizes` are not positive, or none.
    """
    table = table_parts.read_table(spec, "xDeepFM", embedding_dim, l2)
    table_parts.require_fields(spec, "xDeepFM", 1)
    hidden = side_by_side(
        "hidden",
        table_parts.deep_part(table.flat, hidden_units, dropout),
        CompressedInteraction(cin_sizes, name=layer_name("cin"))(table.fields.matrix),
    )
    logit = table_parts.sum_logit(hidden, table_parts.linear_part(spec, table.inputs, l2))
    return keras.Model(table.inputs, logit, name="xdeepfm")
