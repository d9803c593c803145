"""FiBiNET: bilinear pairs of embeddings, as they are and weighted by importance."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.features import FeatureSpec
from amer_tf.layers import BilinearInteraction, FieldReweighting
from amer_tf.models import aggregation, table_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    bilinear: str = "interaction",
    reduction_ratio: int = 3,
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a FiBiNET: the linear part, and an MLP over pairs of the non-sequential fields.

    `z = w^T x + MLP([p, q, numbers, sum_i h_i])` with `p_ij = (e_i W) * e_j` over the embeddings
    and `q` likewise over `a_i e_i`, whose gates `a = relu(relu(z W_1) W_2)` see the mean of each
    embedding. The MLP reads the sum of a behaviour, where the spec has one.

    Reference: Huang et al., "FiBiNET: combining feature importance and bilinear feature
    interaction for click-through rate prediction", 2019.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        bilinear: Of which there is a `W`: `"all"` pairs, `"each"` first field, or `"interaction"`.
        reduction_ratio: Fields for each unit between `W_1` and `W_2`.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields with embeddings.
        ValueError: Where `bilinear` is no such kind or `reduction_ratio` is not positive.
    """
    table = table_parts.read_table(spec, "FiBiNET", embedding_dim, l2)
    table_parts.require_fields(spec, "FiBiNET")
    matrix = table.fields.matrix
    weighted = FieldReweighting(reduction_ratio, name=layer_name("weighted_fields"))(matrix)
    pairs = [
        BilinearInteraction(bilinear, name=layer_name("pairs", name))(fields)
        for name, fields in (("fields", matrix), ("weighted_fields", weighted))
    ]
    flat = aggregation.make_mlp_input([*pairs, *table.others])
    logit = table_parts.sum_logit(
        table_parts.deep_part(flat, hidden_units, dropout),
        table_parts.linear_part(spec, table.inputs, l2),
    )
    return keras.Model(table.inputs, logit, name="fibinet")
