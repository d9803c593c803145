"""DIN: attention from the target to the behaviour, and an MLP."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import table_parts


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 80),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a DIN: beside the summed behaviour stands a sum weighted by the target.

    `z = w^T MLP([e, numbers, sum_i h_i, sum_i a_i h_i]) + b`, `a` of `LocalActivationUnit`, Dice
    hidden layers. The behaviour is read as it is, without blocks.

    Reference: Zhou et al., "Deep Interest Network", 2018, section 4.3.

    Args:
        spec: What the model reads and predicts, of task ctr, with a target that is mapped to the
            behaviour.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where there is no such target.
    """
    table_parts.require_target(spec, "DIN")
    table = table_parts.read_table(spec, "DIN", embedding_dim, l2, attention=True)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout, "dice")
    return keras.Model(table.inputs, table_parts.joint_logit(hidden), name="din")
