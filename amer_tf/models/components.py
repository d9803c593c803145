"""Parts that the models and the supernets share: inputs, embeddings, stage-1 pooling.

Letters: `B` batch, `T` steps, `C` items to score, `V` values of a multi-valued field,
`K` embedding dimension, `D = N_b * K`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.architecture import Block
from amer_tf.features import (
    AnyField,
    CategoricalField,
    FeatureSpec,
    Field,
    MultiValuedField,
    NumericField,
    SpecError,
)


def layer_name(*parts: str) -> str:
    """The name of a layer of ours, such as `amer.query`.

    Keras wants every name of a model to differ, an input bears the name of its field, and no field
    has a dot in its name. Every layer is given a name: those that Keras makes up are plain words.
    """
    return ".".join(("amer", *parts))


# The layer whose states have each seen their own step and older ones alone.
CAUSAL_STATES = layer_name("causal_states")


def make_inputs(spec: FeatureSpec) -> dict[str, Any]:
    """One `keras.Input` for each field that a batch carries, by the field's name."""
    return {field.name: _make_input(spec, field) for field in spec.input_fields}


def _make_input(spec: FeatureSpec, field: Field) -> Any:
    shape: tuple[int, ...] = (spec.max_length,) if field.role == "behavior" else ()
    if isinstance(field, MultiValuedField):
        shape += (field.max_values,)
    dtype = "float32" if isinstance(field, NumericField) else "int32"
    return keras.Input(shape=shape, dtype=dtype, name=field.name)


def make_embedding(
    spec: FeatureSpec, embedding_dim: int, l2: float, name: str = "embedding"
) -> Any:
    """The one table of all categorical values, with an offset for each vocabulary."""
    return layers.FusedEmbedding(
        num_rows={entry.name: entry.num_rows for entry in spec.vocabularies},
        fields={
            field.name: field.vocabulary for field in spec if not isinstance(field, NumericField)
        },
        embedding_dim=embedding_dim,
        l2=l2,
        name=layer_name(name),
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
        columns[field.name] = [start, _catalog_width(field)]
        start += _catalog_width(field)
    num_items, _ = shape = catalog_shape(spec)
    expected = f"shape {shape}: one row for each item id, the columns of {list(columns)}"
    if catalog is None:
        raise SpecError(f"This spec needs `catalog`, of {expected}. Received: catalog=None")
    if tuple(catalog.shape) != shape:
        raise SpecError(f"`catalog` must have {expected}. Received: shape={tuple(catalog.shape)}")
    return layers.CatalogLookup(
        columns=columns, num_items=num_items, table=catalog, name=layer_name("catalog")
    )


def catalog_shape(spec: FeatureSpec) -> tuple[int, int]:
    """Rows and columns of the catalog of a spec."""
    num_items = spec.vocabulary(spec.item_field).num_rows
    return num_items, sum(map(_catalog_width, spec.catalog_fields))


def _catalog_width(field: AnyField) -> int:
    return field.max_values if isinstance(field, MultiValuedField) else 1


def drop_events(spec: FeatureSpec, inputs: dict[str, Any], rate: float) -> dict[str, Any]:
    """The inputs with a fraction of the events turned into padding in training."""
    if not rate:
        return inputs
    name = spec.history_field
    dropped = layers.EventDropout(rate, name=layer_name("event_dropout"))(inputs[name])
    return {**inputs, name: dropped}


def history_mask(spec: FeatureSpec, inputs: dict[str, Any]) -> Any:
    """Boolean `(B, T)`: which steps hold an event."""
    return layers.PaddingMask(name=layer_name("mask"))(inputs[spec.history_field])


def behavior_states(
    spec: FeatureSpec, inputs: dict[str, Any], mask: Any, embedding: Any, catalog: Any
) -> Any:
    """The grouped behaviour embedding `H_0` of shape `(B, T, D)`, with the steps' recency.

    The recency embedding is ours: without it attention could not tell the order of events.
    """
    states = behavior_embeddings(spec, inputs, embedding, catalog)
    recency = layers.RecencyPositionEmbedding(spec.max_length, name=layer_name("recency"))
    return recency(states, mask)


def behavior_embeddings(
    spec: FeatureSpec, inputs: dict[str, Any], embedding: Any, catalog: Any = None
) -> Any:
    """The embeddings of the behaviour fields side by side, `(B, T, D)`.

    What the catalog knows of an item is looked up there.
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
                embedding.embedding_dim, use_bias=False, name=layer_name("embedding", field.name)
            )
            parts.append(dense(_with_last_axis(field, inputs[field.name])))
        else:
            parts.append(pool_values(field, embedded[field.name], ids[field.name]))
    return side_by_side("behavior", *parts)


def drop_states(states: Any, rate: float) -> Any:
    """The behaviour embedding with a fraction of its numbers dropped in training."""
    return layers.FusedDropout(rate, name=layer_name("behavior_dropout"))(states)


def run_blocks(
    blocks: Sequence[Block],
    states: Any,
    mask: Any,
    dropout: float,
    drop_operation: float,
    target: Any = None,
    causal: bool = False,
) -> Any:
    """The residual blocks of stage 1, one after another (equation 3)."""
    for index, block in enumerate(blocks):
        layer = layers.ResidualBlock(
            norm=block.norm,
            layer=block.layer,
            activation=block.activation,
            dropout=dropout,
            drop_operation=drop_operation,
            causal=causal,
            name=layer_name(f"block_{index}"),
        )
        with_target = target is not None and block.layer == "target_attention"
        states = layer(states, mask, target) if with_target else layer(states, mask)
    return states


def pool_states(states: Any, mask: Any) -> Any:
    """`h_pool` and the last valid state side by side (paper, section 2.1): `(..., 2 D)`."""
    summed = layers.SumPooling(name=layer_name("sum"))(states, mask)
    return side_by_side("pooled", summed, take_newest(states, mask))


def take_newest(states: Any, mask: Any) -> Any:
    """The state of the last valid step, `(..., D)`."""
    return layers.LastPooling(name=layer_name("newest"))(states, mask)


def pool_older_states(states: Any, mask: Any) -> Any:
    """`pool_states` after each step, of what was there by then: `(..., T, 2 D)`."""
    summed = layers.RunningSum(name=layer_name("running_sum"))(states, mask)
    return keras.layers.Concatenate(name=CAUSAL_STATES)([summed, states])


def make_empty_history() -> Any:
    """What stands for `h_pool` and the last state of a user without a history."""
    return layers.EmptyHistory(name=layer_name("empty_history"))


def make_query_normalization() -> Any:
    """Layer normalisation of `h` before `W`: summed states grow with the length of the history."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=layer_name("query_normalization"))


def make_query(units: int) -> Any:
    """The linear layer `W`, whose output is the user's side of the score."""
    return keras.layers.Dense(units, use_bias=False, name=layer_name("query"))


def side_features(
    spec: FeatureSpec,
    inputs: dict[str, Any],
    embedding: Any,
    roles: tuple[str, ...],
    *parts: str,
) -> list[Any]:
    """Embeddings `(B, K)` and numbers `(B, 1)` of the non-sequential fields of these roles.

    The names of the layers start with `parts`.
    """
    chosen = [field for field in spec.with_role(*roles) if field.name in inputs]
    ids = {
        field.name: inputs[field.name] for field in chosen if not isinstance(field, NumericField)
    }
    embedded = embedding(ids) if ids else {}
    return [
        _with_last_axis(field, inputs[field.name], *parts)
        if isinstance(field, NumericField)
        else pool_values(field, embedded[field.name], ids[field.name], *parts)
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
        return keras.layers.Identity(name=layer_name("item_vector"))(parts[0])
    return side_by_side("item_vector", *parts)


def score_items(vectors: Any, query: Any) -> Any:
    """Scores `(B, C)`: the inner products of the two sides."""
    return keras.layers.Dot(axes=(2, 1), name=layer_name("scores"))([vectors, query])


def side_by_side(name: str, *parts: Any) -> Any:
    """The parts on one last axis, by a layer of this name; a single part is left as it is."""
    if len(parts) == 1:
        return parts[0]
    return keras.layers.Concatenate(name=layer_name(name))(list(parts))


def pool_values(
    field: CategoricalField | MultiValuedField, embedded: Any, ids: Any, *parts: str
) -> Any:
    """`(..., K)`: a multi-valued field is the sum or mean of its values' embeddings."""
    if not isinstance(field, MultiValuedField):
        return embedded
    mask = layers.PaddingMask(name=layer_name(*parts, "mask", field.name))(ids)
    name = layer_name(*parts, "pooling", field.name)
    return layers.MultiHotPooling(field.combiner, name=name)(embedded, mask)


def _with_last_axis(field: NumericField, numbers: Any, *parts: str) -> Any:
    """`(..., 1)` of the numbers of a field."""
    shape = (*numbers.shape[1:], 1)
    return keras.layers.Reshape(shape, name=layer_name(*parts, "number", field.name))(numbers)


def apply_item_side(item_side: Any, ids: Any) -> Any:
    """Item vectors `(..., Dq)` for ids of any shape, of a model which takes `(B, C)`."""
    shape = ops.shape(ids)
    vectors = item_side(ops.reshape(ids, (1, -1)))  # (1, n, Dq)
    return ops.reshape(vectors, (*shape, vectors.shape[-1]))
