"""DeepFM: a factorization machine and an MLP over the same embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import FactorizationMachine
from amer_tf.models import table_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a DeepFM: linear part and all pairs of the non-sequential fields, and an MLP.

    `z = w^T x + sum_{i < j} <e_i, e_j> + MLP([e, numbers, sum_i h_i])` (AMER, equation 15, with
    every pair). The MLP reads the sum of a behaviour, where the spec has one.

    Reference: Guo et al., "DeepFM", 2017.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has no non-sequential field with
            embeddings.
    """
    table = table_parts.read_table(spec, "DeepFM", embedding_dim, l2)
    table_parts.require_fields(spec, "DeepFM", 1)
    logit = table_parts.sum_logit(
        table_parts.deep_part(table.flat, hidden_units, dropout),
        FactorizationMachine(name=layer_name("pairs"))(table.fields.matrix),
        table_parts.linear_part(spec, table.inputs, l2),
    )
    return keras.Model(table.inputs, logit, name="deepfm")
