"""The parts that the models share, on small specs, with values worked out in NumPy."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    SpecError,
)
from amer_tf.models import components
from tests.search import nets

SPEC = nets.next_item_spec(attributes=True, profile=True)
TABLE = nets.catalog()


def with_fields(*fields, mapping=None):
    return dataclasses.replace(
        SPEC,
        fields=(*SPEC.fields, *fields),
        target_to_behavior={**SPEC.target_to_behavior, **(mapping or {})},
    )


def embedding_and_rows(spec, l2=0.0):
    """The layer, and a function from a vocabulary and its ids to rows, zeros for padding."""
    layer = components.make_embedding(spec, 4, l2)
    layer.table.assign(np.random.default_rng(0).normal(size=layer.table.shape))
    table = np.asarray(layer.table)

    def rows(vocabulary, ids):
        return table[ids + layer.offset(vocabulary)] * (np.asarray(ids) > 0)[..., None]

    return layer, rows


def test_the_shape_of_a_catalog():
    assert components.catalog_shape(SPEC) == TABLE.shape
    assert components.catalog_shape(nets.next_item_spec()) == (TABLE.shape[0], 0)


def test_inputs_are_the_fields_of_a_batch():
    spec = with_fields(
        NumericField("price", "behavior"),
        NumericField("age", "profile"),
        MultiValuedField("likes", "context", "item_id", max_values=5),
    )
    inputs = components.make_inputs(spec)
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in inputs.items()}
    # Attributes are looked up in the catalog, so batches do not carry them.
    assert shapes == {
        "history_item_id": ((None, nets.STEPS), "int32"),
        "city": ((None,), "int32"),
        "price": ((None, nets.STEPS), "float32"),
        "age": ((None,), "float32"),
        "likes": ((None, 5), "int32"),
    }


def test_multi_valued_steps_have_an_axis_of_values():
    spec = FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            MultiValuedField("tags", "behavior", "item_id", max_values=2),
            CategoricalField("item_id", "target", "item_id"),
        ),
        vocabularies=SPEC.vocabularies[:1],
        task="next_item",
        max_length=nets.STEPS,
        target_to_behavior={"item_id": "history_item_id"},
    )
    assert components.make_inputs(spec)["tags"].shape == (None, nets.STEPS, 2)
    assert components.make_catalog(spec, None) is None


def test_one_table_for_all_vocabularies():
    layer = components.make_embedding(SPEC, 4, 0.0)
    assert tuple(layer.table.shape) == (nets.NUM_ITEMS + 2 + 9 + 2 + 4 + 2, 4)
    assert layer.fields["history_attributes"] == layer.fields["attributes"] == "attribute"


def test_catalog_columns_follow_the_spec():
    spec = with_fields(
        CategoricalField("brand", "target", "attribute"),
        CategoricalField("history_brand", "behavior", "attribute"),
        mapping={"brand": "history_brand"},
    )
    table = np.concatenate([TABLE, TABLE[:, :1]], axis=1)
    layer = components.make_catalog(spec, table)
    assert layer.columns == {"attributes": (0, 3), "brand": (3, 1)}
    found = layer(np.array([[5, 7]]))
    np.testing.assert_array_equal(found["attributes"], TABLE[[5, 7]][None])
    np.testing.assert_array_equal(found["brand"], TABLE[[5, 7], 0][None])


@pytest.mark.parametrize("shape", [(51, 3), (52, 2), (52,)])
def test_a_catalog_of_another_shape(shape):
    with pytest.raises(SpecError, match=r"must have shape \(52, 3\).*\['attributes'\].*shape=\(5"):
        components.make_catalog(SPEC, np.zeros(shape, "int32"))


def test_a_catalog_that_was_forgotten():
    with pytest.raises(SpecError, match=r"needs `catalog`.*\(52, 3\).*\['attributes'\].*None"):
        components.make_catalog(SPEC, None)


def test_a_catalog_holds_no_numbers():
    spec = with_fields(NumericField("price", "target"))
    with pytest.raises(SpecError, match=r"numeric target field categorical.*fields\['price'\]"):
        components.make_catalog(spec, TABLE)


def test_the_mask_is_where_events_are():
    ids = np.array([[3, 0, 1], [0, 0, 0]])
    found = components.history_mask(SPEC, {"history_item_id": ids})
    np.testing.assert_array_equal(found, [[True, False, True], [False] * 3])


def test_behavior_states_are_the_fields_side_by_side():
    embedding, rows = embedding_and_rows(SPEC)
    ids = nets.histories(5)
    mask = ids > 0
    states = components.behavior_states(
        SPEC, {"history_item_id": ids}, mask, embedding, components.make_catalog(SPEC, TABLE)
    )
    attributes = rows("attribute", TABLE[ids]).sum(axis=2)
    expected = np.concatenate([rows("item_id", ids), attributes], axis=-1)
    # What is left is the recency embedding: the same for steps of the same age, 0 at padding.
    recency = np.asarray(states) - expected
    assert states.shape == (5, nets.STEPS, 8)
    assert not np.asarray(states)[~mask].any()
    ages = mask.sum(axis=1, keepdims=True) - 1 - np.arange(nets.STEPS)
    by_age = [recency[mask & (ages == age)] for age in range(nets.STEPS)]
    for found in by_age:
        np.testing.assert_allclose(found, np.broadcast_to(found[:1], found.shape), atol=1e-6)
    assert np.abs(by_age[0][0] - by_age[1][0]).max() > 1e-3


def test_numbers_of_steps_are_embedded():
    spec = with_fields(NumericField("price", "behavior"))
    embedding, _ = embedding_and_rows(spec)
    inputs = components.make_inputs(spec)
    mask = components.history_mask(spec, inputs)
    catalog = components.make_catalog(spec, TABLE)
    states = components.behavior_states(spec, inputs, mask, embedding, catalog)
    # Keras 3.12 refuses a model with an input that it does not use.
    model = keras.Model({name: inputs[name] for name in ("history_item_id", "price")}, states)
    kernel = np.asarray(model.get_layer("amer.embedding.price").kernel)  # (1, K)
    batch = {"history_item_id": nets.histories(4)}
    price = np.random.default_rng(0).normal(size=(4, nets.STEPS, 2)).astype("float32")
    with_price = [np.asarray(model({**batch, "price": price[..., index]})) for index in (0, 1)]
    moved = (price[..., :1] - price[..., 1:]) * kernel[0]
    known = (batch["history_item_id"] > 0)[..., None]
    np.testing.assert_allclose(
        with_price[0] - with_price[1], np.pad(moved * known, ((0, 0), (0, 0), (8, 0))), atol=1e-5
    )


def test_pooled_states_are_the_sum_and_the_newest():
    states = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]], bool)
    states *= mask[..., None]
    found = components.pool_states(states, mask)
    newest = np.stack([states[0, 1], states[1, 3], np.zeros(2)])
    np.testing.assert_allclose(
        found, np.concatenate([states.sum(axis=1), newest], axis=1), rtol=1e-6
    )


def test_side_features():
    spec = with_fields(
        NumericField("age", "profile"),
        MultiValuedField("likes", "context", "attribute", max_values=2, combiner="mean"),
    )
    embedding, rows = embedding_and_rows(spec)
    inputs = {
        **nets.batch(spec, 3),
        "age": np.array([0.5, -1.0, 0.0], "float32"),
        "likes": np.array([[2, 3], [4, 0], [0, 0]], "int32"),
    }
    city, age, likes = components.side_features(spec, inputs, embedding, ("profile", "context"))
    np.testing.assert_allclose(city, rows("city", inputs["city"]), rtol=1e-6)
    np.testing.assert_allclose(age, [[0.5], [-1.0], [0.0]])
    known = np.array([[2], [1], [1]])
    expected = rows("attribute", inputs["likes"]).sum(axis=1) / known
    np.testing.assert_allclose(likes, expected, rtol=1e-5, atol=1e-7)
    assert components.side_features(spec, inputs, embedding, ("target",)) == []


def test_item_vectors_are_the_target_fields_side_by_side():
    embedding, rows = embedding_and_rows(SPEC)
    ids = np.array([[2, 9], [0, 51]])
    found = components.item_vectors(SPEC, ids, embedding, components.make_catalog(SPEC, TABLE))
    attributes = rows("attribute", TABLE[ids]).sum(axis=2)
    expected = np.concatenate([rows("item_id", ids), attributes], axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2)])
def test_items_of_any_shape(shape):
    spec = nets.next_item_spec()
    embedding, rows = embedding_and_rows(spec)
    ids = np.random.default_rng(0).integers(0, 52, size=shape)
    found = components.apply_item_side(
        lambda items: components.item_vectors(spec, items, embedding, None), ids
    )
    assert tuple(found.shape) == (*shape, 4)
    np.testing.assert_allclose(found, rows("item_id", np.asarray(ids)), rtol=1e-6)


def test_dropped_events_become_padding():
    inputs = {"history_item_id": np.full((200, nets.STEPS), 7, "int32")}
    tensors = components.make_inputs(SPEC)
    dropped = components.drop_events(SPEC, tensors, 0.25)
    assert dropped["city"] is tensors["city"]
    history = {"history_item_id": tensors["history_item_id"]}
    model = keras.Model(history, dropped["history_item_id"])
    kept = np.asarray(model(inputs, training=True))
    assert set(np.unique(kept)) == {0, 7}
    assert 0.2 < (kept == 0).mean() < 0.3
    np.testing.assert_array_equal(model(inputs), inputs["history_item_id"])
    assert components.drop_events(SPEC, tensors, 0.0) == tensors
