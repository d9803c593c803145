"""The transformer: the contract of a next-item model, causality, padding, learning."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import CategoricalField, FeatureSpec, MultiValuedField, SpecError, Vocabulary
from amer_tf.models import transformer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.next_item import NextItemTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam

NUM_ITEMS, STEPS = 32, 6


def make_spec(attributes=False, profile=False):
    vocabularies = [Vocabulary("item_id", "integer", "int64", size=NUM_ITEMS - 2)]
    fields = [
        CategoricalField("history_item_id", role="behavior", vocabulary="item_id"),
        CategoricalField("item_id", role="target", vocabulary="item_id"),
    ]
    mapping = {"item_id": "history_item_id"}
    if attributes:
        vocabularies.append(Vocabulary("attribute", "integer", "int64", size=5))
        for name, role in (("history_attribute", "behavior"), ("attribute", "target")):
            field = MultiValuedField(name, role=role, vocabulary="attribute", max_values=3)
            fields.append(field)
        mapping["attribute"] = "history_attribute"
    if profile:
        vocabularies.append(Vocabulary("country", "integer", "int64", size=4))
        fields.append(CategoricalField("country", role="profile", vocabulary="country"))
    return FeatureSpec(
        tuple(fields),
        tuple(vocabularies),
        task="next_item",
        max_length=STEPS,
        target_to_behavior=mapping,
    )


def shaken(model):
    """The model with weights that no initialiser set to a constant."""
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0.0, 0.3, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def network():
    spec = make_spec()
    return NextItemNetwork(shaken(transformer.build(spec, embedding_dim=8)), spec)


def query(network, *history):
    row = np.zeros((1, STEPS), np.int32)
    row[0, : len(history)] = history
    return np.asarray(network.query({"history_item_id": row}))[0]


def test_scores_are_inner_products(network):
    history = np.array([[3, 9, 4, 0, 0, 0], [7, 2, 8, 9, 5, 3]], np.int32)
    items = np.array([[5, 6, 7], [2, 31, 4]], np.int32)
    scores = network.model({"history_item_id": history, "item_id": items})
    queries = network.query({"history_item_id": history})
    vectors = network.item_vectors(items)
    assert scores.shape == (2, 3)
    np.testing.assert_allclose(
        scores, np.einsum("bd,bcd->bc", queries, vectors), rtol=1e-4, atol=1e-5
    )


def test_the_query_is_a_normalised_state_and_items_share_the_embeddings(network):
    names = {layer.name for layer in network.model.layers}
    assert {"amer.query", "amer.item_vector", "amer.embedding"} <= names
    assert sum(weight.shape == (NUM_ITEMS, 8) for weight in network.model.weights) == 1


def test_padding_side_does_not_matter(network):
    left = np.array([[0, 0, 0, 3, 9, 4]], np.int32)
    found = np.asarray(network.query({"history_item_id": left}))[0]
    np.testing.assert_allclose(found, query(network, 3, 9, 4), rtol=1e-4, atol=1e-5)


def test_order_matters(network):
    assert np.abs(query(network, 3, 9, 4) - query(network, 9, 3, 4)).max() > 1e-3


def test_a_user_without_history_gets_a_finite_query(network):
    empty = query(network)
    assert np.isfinite(empty).all()
    assert np.abs(empty).max() > 0


def test_a_step_does_not_see_newer_ones():
    # States before the last pooling, for histories that differ in the newest step alone.
    spec = make_spec()
    model = shaken(transformer.build(spec, embedding_dim=8))
    states = keras.Model(model.inputs[0], model.get_layer("amer.causal_states").output)
    # The recency embedding counts from the newest step, so lengths must be equal.
    first = np.asarray(states(np.array([[3, 9, 4, 7, 0, 0]])))
    second = np.asarray(states(np.array([[3, 9, 4, 8, 0, 0]])))
    np.testing.assert_allclose(first[:, :3], second[:, :3], rtol=1e-5, atol=1e-6)
    assert np.abs(first[:, 3] - second[:, 3]).max() > 1e-3
    assert not first[:, 4:].any()


def test_attributes_come_from_the_catalog(tmp_path):
    spec = make_spec(attributes=True, profile=True)
    catalog = np.random.default_rng(0).integers(2, 7, size=(NUM_ITEMS, 3)).astype("int32")
    model = shaken(transformer.build(spec, embedding_dim=8, dropout=0.3, catalog=catalog))
    assert set(model.input) == {"history_item_id", "country", "item_id"}
    inputs = {
        "history_item_id": np.array([[3, 9, 4, 0, 0, 0]], np.int32),
        "country": np.array([3], np.int32),
        "item_id": np.array([[5, 6, 7]], np.int32),
    }
    scores = np.asarray(model(inputs))
    file = tmp_path / "model.keras"
    model.save(file)
    np.testing.assert_allclose(keras.models.load_model(file)(inputs), scores, rtol=1e-5, atol=1e-6)
    other = shaken(transformer.build(spec, embedding_dim=8, catalog=np.roll(catalog, 1, axis=0)))
    assert np.abs(np.asarray(other(inputs)) - scores).max() > 1e-3


@pytest.mark.slow
def test_learns_to_predict_the_successor():
    # Item n is followed by n + 1: the newest event alone decides.
    spec = make_spec()
    network = NextItemNetwork(transformer.build(spec, embedding_dim=16, dropout=0.1), spec)
    trainer = NextItemTrainer(network, NUM_ITEMS, num_negatives=20)
    trainer.compile(optimizer=RowSparseAdam(0.01), jit_compile=True)
    generator = np.random.default_rng(0)
    first = generator.integers(0, NUM_ITEMS - 2, size=(2048, 1))
    sequence = (first + np.arange(STEPS + 1)) % (NUM_ITEMS - 2) + 2
    batches = tf.data.Dataset.from_tensor_slices(
        (
            {"history_item_id": sequence[:, :-1].astype("int32")},
            {"positives": sequence[:, -1:].astype("int32")},
        )
    ).batch(128)
    trainer.fit(batches, epochs=8, shuffle=False, verbose=0)
    vectors = np.asarray(network.item_vectors(np.arange(NUM_ITEMS)))
    queries = np.asarray(network.query({"history_item_id": sequence[:100, :-1].astype("int32")}))
    best = (queries @ vectors.T)[:, 2:].argmax(axis=1) + 2
    assert (best == sequence[:100, -1]).mean() > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3}, "divide the units.*num_heads=3, units=8"),
        ({"num_heads": 0}, "divide the units.*num_heads=0"),
        ({"num_blocks": 0}, "positive integer.*num_blocks=0"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        transformer.build(make_spec(), embedding_dim=8, **arguments)


def test_refuses_another_task():
    spec = FeatureSpec(
        (CategoricalField("ad", role="target", vocabulary="ad"),),
        (Vocabulary("ad", "integer", "int64", size=4),),
        task="ctr",
        label="click",
    )
    with pytest.raises(SpecError, match="task 'next_item'.*spec.task='ctr'"):
        transformer.build(spec)
