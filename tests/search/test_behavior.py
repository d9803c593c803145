from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import ACTIVATIONS, NORMS, Architecture, Block
from amer_tf.models import amer
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.spaces import BehaviorSpace
from tests.search import nets

USERS = 22
SPEC = nets.next_item_spec()


def derived(supernet, architecture):
    model = amer.build(
        supernet.spec,
        architecture,
        embedding_dim=8,
        catalog=nets.catalog() if supernet.spec.catalog_fields else None,
    )
    supernet.inherit(model, architecture)
    return NextItemNetwork(model, supernet.spec)


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("profile", [False, True])
def test_derived_equals_path_in_a_fair_group(attributes, profile):
    spec = nets.next_item_spec(attributes=attributes, profile=profile)
    supernet = nets.supernet(spec)
    inputs = nets.batch(spec, USERS)
    group = supernet.space.sample_group(np.random.default_rng(0))
    queries = supernet(inputs, group)  # (P, B, Dq)
    items = np.arange(2, 12, dtype="int32")
    for path, architecture in enumerate(supernet.space.decode(group)):
        network = derived(supernet, architecture)
        np.testing.assert_allclose(network.query(inputs), queries[path], atol=1e-5)
        np.testing.assert_allclose(
            network.item_vectors(items), supernet.item_vectors(items), atol=1e-6
        )


@pytest.mark.parametrize("layer", BehaviorSpace().layers)
@pytest.mark.parametrize("causal", [False, True])
def test_derived_equals_path_for_every_candidate(layer, causal):
    supernet = nets.supernet(SPEC, num_blocks=1, causal=causal)
    inputs = nets.batch(SPEC, 4)
    for norm in NORMS:
        for activation in ACTIVATIONS:
            architecture = Architecture(blocks=(Block(norm, layer, activation),), causal=causal)
            np.testing.assert_allclose(
                derived(supernet, architecture).query(inputs),
                supernet.path_query(inputs, architecture),
                atol=1e-5,
            )


@pytest.mark.parametrize("profile", [False, True])
def test_every_step_of_a_causal_path_asks_as_the_derived_model_does(profile):
    spec = nets.next_item_spec(profile=profile)
    supernet = nets.supernet(spec, causal=True)
    inputs = nets.batch(spec, USERS)
    group = supernet.space.sample_group(np.random.default_rng(0))
    queries = supernet(inputs, group, every_step=True)  # (P, B, T, Dq)
    newest = supernet(inputs, group)
    valid = inputs["history_item_id"] > 0
    lengths = valid.sum(axis=1)
    for path, architecture in enumerate(supernet.space.decode(group)):
        network = EveryPositionNetwork(derived(supernet, architecture).model, spec)
        steps = np.asarray(network.query(inputs, training=True))
        np.testing.assert_allclose(steps[valid], np.asarray(queries[path])[valid], atol=1e-5)
        # The newest step asks what is asked in inference.
        last = steps[np.arange(USERS), lengths - 1]
        np.testing.assert_allclose(last[lengths > 0], newest[path][lengths > 0], atol=1e-5)


def test_a_step_of_a_causal_path_asks_what_it_asked_when_it_was_the_newest():
    supernet = nets.supernet(SPEC, causal=True)
    # Steps are known by their distance from the newest one, which is another then.
    recency = supernet.stem.get_layer("amer.recency")
    recency.set_weights([np.zeros_like(weight) for weight in recency.get_weights()])
    inputs = nets.batch(SPEC, USERS)
    group = supernet.space.sample_group(np.random.default_rng(0))
    queries = np.asarray(supernet(inputs, group, every_step=True))
    histories = inputs["history_item_id"]
    for step in range(histories.shape[1]):
        asks = histories[:, step] > 0
        until = np.where(np.arange(histories.shape[1]) <= step, histories, 0)
        expected = np.asarray(supernet({"history_item_id": until}, group))
        np.testing.assert_allclose(queries[:, asks, step], expected[:, asks], atol=1e-5)


def test_split_serves_each_share_by_its_path():
    supernet = nets.supernet(SPEC)
    inputs = nets.batch(SPEC, USERS)
    group = supernet.space.sample_group(np.random.default_rng(1))
    whole = keras.ops.convert_to_numpy(supernet(inputs, group))
    shares = keras.ops.convert_to_numpy(supernet(inputs, group, feed="split"))
    assert shares.shape == (11, 2, 8)
    for path in range(11):
        np.testing.assert_allclose(shares[path], whole[path, 2 * path : 2 * path + 2], atol=1e-5)


def paths_loss(queries, vectors):
    """The same smooth function of each path's queries, summed over paths and examples."""
    return tf.reduce_sum(tf.math.softplus(tf.einsum("...d,nd->...n", queries, vectors)))


@pytest.mark.parametrize("feed", ["split", "replicate"])
def test_summed_gradient_is_that_of_one_path_after_another(feed):
    supernet = nets.supernet(SPEC)
    inputs = nets.batch(SPEC, USERS)
    group = supernet.space.sample_group(np.random.default_rng(2))
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    variables = [variable.value for variable in supernet.trainable_variables]

    def gradients(run):
        with tf.GradientTape() as tape:
            loss = run()
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return loss, [tf.convert_to_tensor(gradient).numpy() for gradient in found]

    fair_loss, fair_gradients = gradients(
        lambda: paths_loss(supernet(inputs, group, feed=feed), vectors)
    )
    total, summed = 0.0, [np.zeros(variable.shape, "float32") for variable in variables]
    for path, architecture in enumerate(supernet.space.decode(group)):
        share = slice(2 * path, 2 * path + 2) if feed == "split" else slice(None)
        own = {name: column[share] for name, column in inputs.items()}
        loss, parts = gradients(
            lambda own=own, architecture=architecture: paths_loss(
                supernet.path_query(own, architecture), vectors
            )
        )
        total += float(loss)
        summed = [sum_ + part for sum_, part in zip(summed, parts, strict=True)]
    np.testing.assert_allclose(float(fair_loss), total, rtol=1e-5)
    moved = 0
    for fair_gradient, gradient in zip(fair_gradients, summed, strict=True):
        np.testing.assert_allclose(fair_gradient, gradient, rtol=1e-3, atol=1e-4)
        moved += bool(np.abs(gradient).max() > 0)
    # Every weight of every candidate is trained by one update.
    assert moved == len([v for v in supernet.trainable_variables if "item_side" not in v.path])


def test_each_update_draws_a_new_fair_group():
    supernet = nets.supernet(SPEC)

    @tf.function(jit_compile=True)
    def draw():
        return tuple(supernet.draw_group())

    groups = [tuple(part.numpy() for part in draw()) for _ in range(30)]
    for layers, norms, activations in groups:
        for block in range(2):
            assert sorted(layers[block]) == list(range(11))
            assert set(np.bincount(norms[block], minlength=2)) <= {5, 6}
            assert set(np.bincount(activations[block], minlength=4)) <= {2, 3}
    assert len({group[0].tobytes() for group in groups}) == 30


def test_query_shapes():
    inputs = nets.batch(SPEC, USERS)
    split, replicate = nets.supernet(SPEC), nets.supernet(SPEC, feed="replicate")
    assert split.query(inputs, training=True).shape == (USERS, 8)
    assert replicate.query(inputs, training=True).shape == (11 * USERS, 8)
    assert (split.num_replicas, replicate.num_replicas) == (1, 11)
    causal = nets.supernet(SPEC, causal=True)
    assert causal.query(inputs, training=True).shape == (USERS, nets.STEPS, 8)
    assert causal.query(inputs).shape == (USERS, 8)
    causal = nets.supernet(SPEC, causal=True, feed="replicate")
    assert causal.query(inputs, training=True).shape == (11 * USERS, nets.STEPS, 8)


def test_unknown_feed_is_refused():
    with pytest.raises(ValueError, match="`feed` must be one of .*Received: feed='both'"):
        BehaviorSupernet(SPEC, BehaviorSpace(), feed="both")
