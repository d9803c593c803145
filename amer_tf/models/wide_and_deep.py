"""Wide & Deep: a linear model and an MLP, trained together."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import table_parts


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a Wide & Deep; the wide part reads the values of the non-sequential fields as is.

    `z = w^T x + MLP([e, numbers, sum_i h_i])`. The MLP reads the sum of a behaviour, where the
    spec has one.

    Reference: Cheng et al., "Wide & deep learning for recommender systems", 2016, equation 3,
    without hand-made crosses.

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
    table = table_parts.read_table(spec, "Wide & Deep", embedding_dim, l2)
    table_parts.require_fields(spec, "Wide & Deep", 1)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    logit = table_parts.sum_logit(hidden, table_parts.linear_part(spec, table.inputs, l2))
    return keras.Model(table.inputs, logit, name="wide_and_deep")
