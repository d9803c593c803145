"""The wide part over crossed values: a weight for each combination, from one bounded table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from amer_tf.features import FeatureSpec, MultiValuedField, NumericField
from amer_tf.layers import FusedEmbedding, HashedCross, NumberBuckets, SumPooling
from amer_tf.models.aggregation import NON_SEQUENTIAL
from amer_tf.models.components import layer_name

# The table of the weights.
CROSSES = layer_name("crosses")

Boundaries = Mapping[str, Sequence[float]]


def crossable_fields(spec: FeatureSpec) -> tuple[str, ...]:
    """The fields that crosses are made of: non-sequential ones, numbers by their buckets."""
    return tuple(field.name for field in spec.with_role(*NON_SEQUENTIAL))


def num_combinations(spec: FeatureSpec, cross: Sequence[str]) -> int:
    """How many combinations of values one row has at most: more than one where there are sets."""
    fields = [spec.field(name) for name in cross]
    return math.prod(
        field.max_values if isinstance(field, MultiValuedField) else 1 for field in fields
    )


def most_weights(
    spec: FeatureSpec, num_crosses: int, num_buckets: int, max_order: int | None
) -> int:
    """The most weights that so many crosses can have; those of the fields alone not counted.

    Args:
        spec: What the model reads.
        num_crosses: Most crosses.
        num_buckets: Most combinations with a weight of their own, of each cross.
        max_order: Most fields of a cross; None for no limit.
    """
    fields = map(spec.field, crossable_fields(spec))
    rows = [
        num_buckets
        if isinstance(field, NumericField)
        else spec.vocabulary(field.vocabulary).num_rows - 1
        for field in fields
    ]
    largest = sorted(rows, reverse=True)[:max_order]
    return num_crosses * (1 + min(num_buckets, math.prod(largest)))


def make_cross(
    spec: FeatureSpec, cross: Sequence[str], boundaries: Boundaries, num_buckets: int
) -> HashedCross:
    """The layer that numbers the combinations of some fields.

    Args:
        spec: What the model reads.
        cross: Names of the fields; numeric ones by their ids of `NumberBuckets`.
        boundaries: Boundaries of the buckets of numeric fields, by name.
        num_buckets: Most combinations with a weight of their own.

    Raises:
        ValueError: Where a name is none of `crossable_fields`, or a number without boundaries, or
            has boundaries and is no number.
    """
    known = crossable_fields(spec)
    num_rows = {}
    for name in cross:
        if name not in known:
            raise ValueError(
                f"A cross must hold non-sequential fields; those are {list(known)}. "
                f"Received: {name!r}"
            )
        field = spec.field(name)
        if not isinstance(field, NumericField):
            if name in boundaries:
                raise ValueError(
                    "`boundaries` must be of numeric fields. "
                    f"Received: {name!r}, which is {field.kind}"
                )
            num_rows[name] = spec.vocabulary(field.vocabulary).num_rows
        elif name in boundaries:
            num_rows[name] = NumberBuckets(boundaries[name]).num_rows
        else:
            raise ValueError(
                "A number can be crossed only by its buckets: give `boundaries`. "
                f"Received: {name!r} in a cross, boundaries of {list(boundaries)}"
            )
    return HashedCross(num_rows, num_buckets, name=layer_name("cross", *cross))


def crossed_part(
    spec: FeatureSpec,
    inputs: dict[str, Any],
    crosses: Sequence[Sequence[str]],
    boundaries: Boundaries,
    num_buckets: int,
    l2: float,
) -> Any:
    """`w^T phi(x)`: the sum of one weight for each combination and each bucket, `(B, 1)`.

    None where there are neither crosses nor boundaries.
    """
    groups = [*((name,) for name in boundaries), *map(tuple, crosses)]
    if not groups:
        return None
    layers = {"*".join(group): make_cross(spec, group, boundaries, num_buckets) for group in groups}
    ids = {name: inputs[name] for group in groups for name in group}
    for name, edges in boundaries.items():
        ids[name] = NumberBuckets(edges, name=layer_name("buckets", name))(inputs[name])
    numbers = {
        name: layer({field: ids[field] for field in layer.num_rows})  # [B, combinations]
        for name, layer in layers.items()
    }
    weights = FusedEmbedding(
        num_rows={name: layer.num_numbers for name, layer in layers.items()},
        fields={name: name for name in layers},
        embedding_dim=1,
        l2=l2,
        name=CROSSES,
    )(numbers)
    columns = [weights[name] for name in layers]
    if len(columns) > 1:
        columns = [keras.layers.Concatenate(axis=1, name=layer_name("crosses", "all"))(columns)]
    return SumPooling(name=layer_name("crosses", "sum"))(columns[0])
