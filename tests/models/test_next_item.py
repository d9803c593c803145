"""The two sides of a model, apart."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture, Block
from amer_tf.models import amer, transformer
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from tests.search import nets

ARCHITECTURE = Architecture(blocks=(Block("layer_norm", "conv_3", "relu"),))
SPEC = nets.next_item_spec(attributes=True, profile=True)


def build(kind):
    options = {"embedding_dim": 8, "catalog": nets.catalog()}
    if kind == "amer":
        model = amer.build(SPEC, ARCHITECTURE, dropout=0.5, **options)
    else:
        model = transformer.build(SPEC, dropout=0.5, **options)
    return shaken(model)


def shaken(model):
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0.0, 0.3, size=weight.shape))
    return model


@pytest.fixture(scope="module", params=["amer", "transformer"])
def network(request):
    return NextItemNetwork(build(request.param), SPEC)


def test_scores_are_inner_products_of_the_two_sides(network):
    inputs = nets.batch(SPEC, 6)
    items = np.random.default_rng(2).integers(0, 52, size=(6, 4)).astype("int32")
    queries, vectors = network.query(inputs), network.item_vectors(items)
    assert queries.shape == (6, 16)
    assert vectors.shape == (6, 4, 16)
    np.testing.assert_allclose(
        network.model({**inputs, "item_id": items}),
        np.einsum("bd,bcd->bc", queries, vectors),
        rtol=1e-4,
        atol=1e-5,
    )


def test_item_vectors_of_any_shape(network):
    items = np.random.default_rng(2).integers(0, 52, size=(2, 3, 4)).astype("int32")
    flat = np.asarray(network.item_vectors(items.ravel()))
    np.testing.assert_allclose(network.item_vectors(items), flat.reshape(2, 3, 4, 16), rtol=1e-6)
    assert network.item_vectors(items[0, 0, 0]).shape == (16,)


def test_all_weights_are_the_model_s_own(network):
    own = {id(weight) for weight in network.model.weights}
    assert {id(weight) for weight in network.weights} == own
    assert len(network.trainable_weights) == len(network.model.trainable_weights)


def test_dropout_in_training_alone(network):
    inputs = nets.batch(SPEC, 6)
    np.testing.assert_array_equal(network.query(inputs), network(inputs))
    assert np.abs(network.query(inputs, training=True) - network.query(inputs)).max() > 1e-3


def test_a_reloaded_model_has_two_sides(network, tmp_path):
    network.model.save(tmp_path / "model.keras")
    again = NextItemNetwork(keras.models.load_model(tmp_path / "model.keras"), SPEC)
    inputs, items = nets.batch(SPEC, 6), np.arange(2, 9, dtype="int32")
    np.testing.assert_allclose(again.query(inputs), network.query(inputs), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.item_vectors(items), network.item_vectors(items), rtol=1e-6)


# Every position ----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [False, True])
def test_the_query_after_a_step_is_that_of_the_history_up_to_it(side):
    spec = nets.next_item_spec(attributes=True, profile=side)
    model = shaken(transformer.build(spec, embedding_dim=8, catalog=nets.catalog()))
    # Ages are counted from the newest event, so they differ in a shorter history: taken out.
    recency = model.get_layer("amer.recency")
    recency.set_weights([0 * recency.get_weights()[0]])
    network = EveryPositionNetwork(model, spec)
    inputs = nets.batch(spec, 5)
    ids = inputs["history_item_id"]
    steps = np.asarray(network.query(inputs, training=True))
    assert steps.shape == (5, nets.STEPS, 16)
    for step in range(nets.STEPS):
        cut = {**inputs, "history_item_id": np.where(np.arange(nets.STEPS) <= step, ids, 0)}
        known = ids[:, step] > 0
        found = np.asarray(network.query(cut))
        np.testing.assert_allclose(steps[known, step], found[known], rtol=1e-3, atol=1e-4)


def test_the_newest_step_is_the_query():
    model = transformer.build(SPEC, embedding_dim=8, catalog=nets.catalog())
    every = EveryPositionNetwork(shaken(model), SPEC)
    inputs = nets.batch(SPEC, 6)
    lengths = (inputs["history_item_id"] > 0).sum(axis=1)
    steps = np.asarray(every.query(inputs, training=True))
    newest = steps[np.arange(1, 6), lengths[1:] - 1]  # the first user has no history
    np.testing.assert_allclose(newest, every.query(inputs)[1:], rtol=1e-4, atol=1e-5)


def test_a_model_that_sees_newer_steps_is_refused():
    model = build("amer")
    with pytest.raises(ValueError, match=r"Only a causal model.*model\.name='amer'"):
        EveryPositionNetwork(model, SPEC)
