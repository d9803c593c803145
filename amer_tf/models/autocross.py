"""AutoCross: Wide & Deep whose wide part has searched crosses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from amer_tf.features import FeatureSpec, SpecError
from amer_tf.models import cross_parts, table_parts

NUM_BUCKETS = 1 << 17


def build(
    spec: FeatureSpec,
    *,
    crosses: Sequence[Sequence[str]] = (),
    boundaries: Mapping[str, Sequence[float]] | None = None,
    num_buckets: int = NUM_BUCKETS,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a Wide & Deep with a weight for each combination of the values of crossed fields.

    `z = w^T x + w_c^T phi(x) + MLP([e, numbers, sum_i h_i])` (AMER, equation 13), where `phi`
    holds the crosses, and the buckets of numbers. Which crosses, `search.cross_search` finds;
    without any it is a Wide & Deep. The MLP reads the sum of a behaviour, where the spec has one.

    Reference: Luo et al., "AutoCross: automatic feature crossing for tabular data in real-world
    applications", 2019.

    Args:
        spec: What the model reads and predicts, of task ctr.
        crosses: Names of two or more different non-sequential fields each.
        boundaries: By name of a numeric field where its buckets begin, increasing, in the unit of
            the normalised numbers; such fields may be crossed, and have a weight for each bucket.
        num_buckets: Most weights of each cross; combinations beyond share them by a hash.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has fewer than two
            non-sequential fields.
        ValueError: Where `crosses` name other fields, one twice or fewer than two, or
            `boundaries` do not increase.
    """
    table = table_parts.read_table(spec, "AutoCross", embedding_dim, l2)
    known = cross_parts.crossable_fields(spec)
    if len(known) < 2:
        raise SpecError(
            f"AutoCross needs 2 or more profile, context or target fields. Received: {list(known)}"
        )
    for index, cross in enumerate(crosses):
        if len(set(cross)) < max(2, len(cross)):
            raise ValueError(
                "Each of `crosses` must hold two or more different fields. "
                f"Received: crosses[{index}]={tuple(cross)}"
            )
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    # Numbers have weights by their buckets alone.
    linear = table.fields.matrix is not None
    parts = [
        table_parts.linear_part(spec, table.inputs, l2) if linear else None,
        cross_parts.crossed_part(spec, table.inputs, crosses, boundaries or {}, num_buckets, l2),
    ]
    logit = table_parts.sum_logit(hidden, *(part for part in parts if part is not None))
    return keras.Model(table.inputs, logit, name="autocross")
