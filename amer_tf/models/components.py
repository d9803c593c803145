"""Parts that the models and the supernets share: inputs, embeddings, stage-1 pooling.

Letters: `B` batch, `T` steps, `C` items to score, `V` values of a multi-valued field,
`K` embedding dimension, `D = N_b * K`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.features import (
    PADDING_ID,
    CategoricalField,
    FeatureSpec,
    Field,
    MultiValuedField,
    NumericField,
    SpecError,
)


def make_inputs(spec: FeatureSpec) -> dict[str, Any]:
    """One `keras.Input` for each field that a batch carries, by the field's name."""
    return {field.name: _make_input(spec, field) for field in spec.input_fields}


def _make_input(spec: FeatureSpec, field: Field) -> Any:
    shape: tuple[int, ...] = (spec.max_length,) if field.role == "behavior" else ()
    if isinstance(field, MultiValuedField):
        shape += (field.max_values,)
    dtype = "float32" if isinstance(field, NumericField) else "int32"
    return keras.Input(shape=shape, dtype=dtype, name=field.name)


def make_embedding(spec: FeatureSpec, embedding_dim: int, l2: float) -> Any:
    """The one table of all categorical values, with an offset for each vocabulary."""
    return layers.FusedEmbedding(
        num_rows={entry.name: entry.num_rows for entry in spec.vocabularies},
        fields={
            field.name: field.vocabulary for field in spec if not isinstance(field, NumericField)
        },
        embedding_dim=embedding_dim,
        l2=l2,
        name="embedding",
    )


def make_catalog(spec: FeatureSpec, catalog: Any) -> Any:
    """What is known of each item beside its id, or None where the spec has no such field."""
    if spec.task != "next_item" or not spec.catalog_fields:
        return None
    columns: dict[str, list[int]] = {}
    start = 0
    for field in spec.catalog_fields:
        if isinstance(field, NumericField):
            raise SpecError(
                "A catalog holds ids: make a numeric target field categorical. "
                f"Received: fields[{field.name!r}]"
            )
        width = field.max_values if isinstance(field, MultiValuedField) else 1
        columns[field.name] = [start, width]
        start += width
    num_items = spec.vocabulary(spec.item_field).num_rows
    expected = (
        f"shape ({num_items}, {start}): one row for each item id, the columns of {list(columns)}"
    )
    if catalog is None:
        raise SpecError(f"This spec needs `catalog`, of {expected}. Received: catalog=None")
    if tuple(catalog.shape) != (num_items, start):
        raise SpecError(f"`catalog` must have {expected}. Received: shape={tuple(catalog.shape)}")
    return layers.CatalogLookup(columns=columns, num_items=num_items, table=catalog, name="catalog")


def drop_events(spec: FeatureSpec, inputs: dict[str, Any], rate: float) -> dict[str, Any]:
    """The inputs with a fraction of the events turned into padding in training."""
    if not rate:
        return inputs
    dropped = layers.EventDropout(rate, name="event_dropout")(inputs[spec.history_field])
    return {**inputs, spec.history_field: dropped}


def history_mask(spec: FeatureSpec, inputs: dict[str, Any]) -> Any:
    """Boolean `(B, T)`: which steps hold an event."""
    return ops.not_equal(inputs[spec.history_field], PADDING_ID)


def behavior_states(
    spec: FeatureSpec, inputs: dict[str, Any], mask: Any, embedding: Any, catalog: Any
) -> Any:
    """The grouped behaviour embedding `H_0` of shape `(B, T, D)`, with the steps' recency.

    What the catalog knows of an item is looked up there; the recency embedding is ours: without
    it attention could not tell the order of events.
    """
    ids = {
        field.name: inputs[field.name]
        for field in spec.with_role("behavior")
        if field.name in inputs and not isinstance(field, NumericField)
    }
    if catalog is not None:
        known = catalog(inputs[spec.history_field])
        for target, behavior in spec.target_to_behavior.items():
            if target in known:
                ids[behavior] = known[target]
    embedded = embedding(ids)
    parts = []
    for field in spec.with_role("behavior"):
        if isinstance(field, NumericField):
            dense = keras.layers.Dense(
                embedding.embedding_dim, use_bias=False, name=f"{field.name}_embedding"
            )
            parts.append(dense(ops.expand_dims(inputs[field.name], -1)))
        else:
            parts.append(pool_values(field, embedded[field.name], ids[field.name]))
    states = parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="behavior")(parts)
    return layers.RecencyPositionEmbedding(spec.max_length, name="recency")(states, mask)


def pool_states(states: Any, mask: Any) -> Any:
    """`h_pool` and the last valid state side by side (paper, section 2.1): `(..., 2 D)`."""
    return ops.concatenate(
        [layers.SumPooling()(states, mask), layers.LastPooling()(states, mask)], axis=-1
    )


def make_query_normalization() -> Any:
    """Layer normalisation of `h` before `W`: summed states grow with the length of the history."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name="query_normalization")


def side_features(
    spec: FeatureSpec, inputs: dict[str, Any], embedding: Any, roles: tuple[str, ...]
) -> list[Any]:
    """Embeddings `(B, K)` and numbers `(B, 1)` of the non-sequential fields of these roles."""
    chosen = [field for field in spec.with_role(*roles) if field.name in inputs]
    ids = {
        field.name: inputs[field.name] for field in chosen if not isinstance(field, NumericField)
    }
    embedded = embedding(ids) if ids else {}
    return [
        ops.expand_dims(inputs[field.name], -1)
        if isinstance(field, NumericField)
        else pool_values(field, embedded[field.name], ids[field.name])
        for field in chosen
    ]


def item_vectors(spec: FeatureSpec, ids: Any, embedding: Any, catalog: Any) -> Any:
    """The item side `e_i` of the score: the embeddings of the target fields, side by side."""
    fields = {spec.item_field: ids}
    if catalog is not None:
        fields.update(catalog(ids))
    embedded = embedding(fields)
    parts = [
        pool_values(field, embedded[field.name], fields[field.name])
        for field in spec.with_role("target")
        if not isinstance(field, NumericField)
    ]
    if len(parts) == 1:
        return keras.layers.Identity(name="item_vector")(parts[0])
    return keras.layers.Concatenate(name="item_vector")(parts)


def pool_values(field: CategoricalField | MultiValuedField, embedded: Any, ids: Any) -> Any:
    """`(..., K)`: a multi-valued field is the sum or mean of its values' embeddings."""
    if not isinstance(field, MultiValuedField):
        return embedded
    return layers.MultiHotPooling(field.combiner)(embedded, ops.not_equal(ids, PADDING_ID))


def apply_item_side(item_side: Any, ids: Any) -> Any:
    """Item vectors `(..., Dq)` for ids of any shape, of a model which takes `(B, C)`."""
    shape = ops.shape(ids)
    vectors = item_side(ops.reshape(ids, (1, -1)))  # (1, n, Dq)
    return ops.reshape(vectors, (*shape, vectors.shape[-1]))
