"""DNN: an MLP over embeddings and numbers."""

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
    """Builds a plain MLP: `z = w^T MLP([e, numbers, sum_i h_i]) + b`, the last for a behaviour.

    Reference: Covington et al., "Deep neural networks for YouTube recommendations", 2016.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.
    """
    table = table_parts.read_table(spec, "DNN", embedding_dim, l2)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.joint_logit(hidden), name="dnn")
