"""DCN-V2: a network of crosses with whole matrices beside an MLP."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import FeatureCross
from amer_tf.models import table_parts


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    num_crosses: int = 3,
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a DCN-V2 over the fields and, where the spec has one, the sum of a behaviour.

    `z = w^T [x_L, h]` with `x_{l+1} = x_0 * (W_l x_l + b_l) + x_l` over `x_0 = [e, numbers, sum_i
    h_i]`, and the MLP's last hidden layer `h`.

    Reference: Wang et al., "DCN V2: improved deep & cross network and practical lessons for
    web-scale learning to rank systems", 2021; the parallel one, with matrices of full rank.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        num_crosses: Cross layers, `L`.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr.
    """
    table = table_parts.read_table(spec, "DCN-V2", embedding_dim, l2)
    crossed = table_parts.crosses(FeatureCross, table.flat, num_crosses)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.joint_logit(crossed, hidden), name="dcnv2")
