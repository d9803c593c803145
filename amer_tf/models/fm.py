"""FM: a factorization machine."""

from __future__ import annotations

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import FactorizationMachine
from amer_tf.models import table_parts
from amer_tf.models.components import layer_name


def build(spec: FeatureSpec, *, embedding_dim: int = 16, l2: float = 0.0) -> keras.Model:
    """Builds an FM: the linear part and all pairs of the non-sequential fields.

    `z = w^T x + sum_{i < j} <e_i, e_j> + b`. The values of a multi-valued field are pooled to one
    `e_i` first. A number has a weight in the linear part alone; behaviours are inputs that are not
    read.

    Reference: Rendle, "Factorization machines", 2010, equation 1.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
    """
    table = table_parts.read_table(spec, "FM", embedding_dim, l2)
    table_parts.require_fields(spec, "FM")
    logit = table_parts.biased_logit(
        FactorizationMachine(name=layer_name("pairs"))(table.fields.matrix),
        table_parts.linear_part(spec, table.inputs, l2, with_numbers=True),
    )
    return keras.Model(table.inputs, logit, name="fm")
