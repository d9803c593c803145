"""The derived model: saving, padding, users without a history, architectures that do not fit."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, ArchitectureError, Block, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, SpecError, Vocabulary
from amer_tf.models import amer, transformer
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.search.spaces import BehaviorSpace
from tests.search import nets

LAYERS = BehaviorSpace().layers
# Every candidate once, with the norms and activations in turn.
ALL = Architecture(
    blocks=tuple(
        Block(("layer_norm", "none")[index % 2], layer, ("relu", "gelu", "swish")[index % 3])
        for index, layer in enumerate(LAYERS)
    )
)
SHORT = Architecture(blocks=(Block("layer_norm", "conv_3", "relu"), Block("none", "zero", "relu")))
SPEC = nets.next_item_spec(attributes=True, profile=True)


def build(spec=SPEC, architecture=SHORT, **options):
    keras.utils.set_random_seed(0)
    catalog = nets.catalog() if spec.catalog_fields else None
    options = {"embedding_dim": 8, "catalog": catalog, **options}
    model = amer.build(spec, architecture, **options)
    generator = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0.0, 0.2, size=weight.shape))
    return model


def batch(spec=SPEC, num_users=6):
    items = np.random.default_rng(4).integers(2, 52, size=(num_users, 3)).astype("int32")
    return {**nets.batch(spec, num_users), "item_id": items}


@pytest.fixture(scope="module")
def model():
    return build(architecture=ALL, dropout=0.3, drop_operation=0.2, drop_event=0.1, l2=1e-3)


def test_inputs_and_output(model):
    assert set(model.input) == {"history_item_id", "city", "item_id"}
    assert model(batch()).shape == (6, 3)
    assert model.get_layer("amer.query").units == 16
    blocks = [layer for layer in model.layers if layer.name.startswith("amer.block_")]
    assert len(blocks) == len(LAYERS)


def test_saved_and_reloaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch()), model(batch()))
    for weight, other in zip(model.weights, again.weights, strict=True):
        assert weight.path == other.path
        np.testing.assert_array_equal(weight, other)
    # What training depends on is there too, such as dropout and the L2 of the embeddings.
    configs = [json.dumps([layer.get_config() for layer in of.layers]) for of in (again, model)]
    assert configs[0] == configs[1]
    assert '"drop_operation": 0.2' in configs[0]


def test_reloaded_by_another_process(model, tmp_path):
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", **batch())
    script = (
        "import sys, amer_tf, keras, numpy\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "scores = model(dict(numpy.load(sys.argv[2])))\n"
        "print(numpy.asarray(scores).tolist())\n"
    )
    command = [sys.executable, "-c", script, tmp_path / "model.keras", tmp_path / "batch.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), model(batch()), rtol=1e-5, atol=1e-6)


def test_the_catalog_is_saved_with_the_model(tmp_path):
    model = build()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.get_layer("amer.catalog").table, nets.catalog())
    other = build(catalog=np.roll(nets.catalog(), 5, axis=0))
    assert np.abs(other(batch()) - model(batch())).max() > 1e-3
    assert "table" not in json.dumps(again.get_layer("amer.catalog").get_config())


@pytest.mark.parametrize("layer", [*LAYERS, "all"])
@pytest.mark.parametrize("causal", [False, True])
def test_padding_never_changes_a_score(layer, causal):
    spec = nets.next_item_spec()
    blocks = ALL.blocks if layer == "all" else (Block("layer_norm", layer, "gelu"),) * 2
    architecture = Architecture(blocks=blocks, causal=causal)
    model = build(spec, architecture)
    long_spec = FeatureSpec.from_dict({**spec.to_dict(), "max_length": 13})
    long_model = build(long_spec, architecture)
    long_model.set_weights(
        [
            # Recency has a row for each age; the newer ages are those of the short model.
            weight if weight.shape == own.shape else np.concatenate([weight, own[len(weight) :]])
            for weight, own in zip(model.get_weights(), long_model.get_weights(), strict=True)
        ]
    )
    inputs = batch(spec)
    ids = inputs["history_item_id"]
    expected = np.asarray(model(inputs))
    assert np.isfinite(expected).all()

    def scores(of, history):
        return np.asarray(of({**inputs, "history_item_id": history}))

    left = np.stack([np.roll(row, (row == 0).sum()) for row in ids])
    np.testing.assert_allclose(scores(model, left), expected, rtol=1e-4, atol=1e-5)
    for before, after in ((0, 6), (6, 0), (2, 4)):
        longer = np.pad(ids, ((0, 0), (before, after)))
        np.testing.assert_allclose(scores(long_model, longer), expected, rtol=1e-4, atol=1e-5)


def test_causal_is_another_function_with_as_many_weights(tmp_path):
    spec = nets.next_item_spec(attributes=True, profile=True)
    causal = build(spec, dataclasses.replace(ALL, causal=True))
    both_ways = build(spec, ALL)
    assert causal.count_params() == both_ways.count_params()
    assert np.abs(causal(batch(spec)) - both_ways(batch(spec))).max() > 1e-3
    causal.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(spec)), causal(batch(spec)))


def test_only_a_causal_model_is_trained_at_every_position():
    spec = nets.next_item_spec()
    EveryPositionNetwork(build(spec, dataclasses.replace(ALL, causal=True)), spec)
    with pytest.raises(ValueError, match="Only a causal model can be trained at every position"):
        EveryPositionNetwork(build(spec, ALL), spec)


def test_a_user_without_a_history(model):
    inputs = batch()
    assert not inputs["history_item_id"][0].any()
    scores = np.asarray(model(inputs))
    assert np.isfinite(scores).all()
    assert np.abs(scores[0]).max() > 0.0
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs)[0])
    vector = model.get_layer("amer.empty_history").vector
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    reached = dict(zip([weight.path for weight in model.trainable_weights], gradients, strict=True))
    assert np.abs(reached[vector.path]).max() > 0.0
    for path, gradient in reached.items():
        assert gradient is None or np.isfinite(tf.convert_to_tensor(gradient)).all(), path


def test_profile_matters_also_without_a_history(model):
    inputs = batch()
    other = {**inputs, "city": inputs["city"] % 4 + 2}
    assert np.abs(np.asarray(model(inputs)) - model(other)).max(axis=1).min() > 1e-5


@pytest.mark.parametrize("kind", ["amer", "transformer"])
def test_more_fields_of_the_user_and_of_items_than_of_a_step(kind, tmp_path):
    plain = nets.next_item_spec()
    users = [CategoricalField(name, "profile", "item_id") for name in ("age", "city", "job")]
    items = [CategoricalField(name, "target", "item_id") for name in ("brand", "maker", "shop")]
    spec = dataclasses.replace(plain, fields=(*plain.fields, *users, *items))
    catalog = np.random.default_rng(0).integers(0, 52, size=(52, 3)).astype("int32")
    if kind == "amer":
        model = amer.build(spec, SHORT, embedding_dim=8, catalog=catalog)
    else:
        model = transformer.build(spec, embedding_dim=8, catalog=catalog)
    inputs = {**batch(plain), **{field.name: np.arange(6, dtype="int32") for field in users}}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs), model(inputs))
    assert np.isfinite(model(inputs)).all()


def test_an_architecture_without_blocks():
    model = build(architecture=Architecture())
    assert np.isfinite(model(batch())).all()


def test_dropout_l2_and_dropped_events_leave_inference_alone():
    plain = build()
    regularised = build(dropout=0.5, drop_operation=0.5, drop_event=0.5, l2=0.1)
    np.testing.assert_allclose(regularised(batch()), plain(batch()), rtol=1e-6)
    assert float(sum(regularised.losses)) > 0.0
    assert sum(plain.losses) == 0
    assert np.abs(regularised(batch(), training=True) - plain(batch())).max() > 1e-3


CTR = FeatureSpec(
    (CategoricalField("ad", role="target", vocabulary="ad"),),
    (Vocabulary("ad", "integer", "int64", size=4),),
    task="ctr",
    label="click",
)
MLP = Architecture(blocks=SHORT.blocks, mlp=(HiddenLayer("relu", units=8),))
INTERACTIONS = Architecture(blocks=SHORT.blocks, interactions=(("city", "item_id"),))
TARGET = Architecture(blocks=(*SHORT.blocks, Block("none", "target_attention", "relu")))


@pytest.mark.parametrize(
    ("spec", "architecture", "message"),
    [
        (SPEC, TARGET, r"blocks\[2\]\.layer 'target_attention' needs a target"),
        (CTR, Architecture(causal=True), "of task 'ctr' there is none. Received"),
        (SPEC, MLP, r"no mlp\. Received: mlp=\(HiddenLayer"),
        (SPEC, INTERACTIONS, r"no interactions\. Received: interactions=\(\('city', 'item_id'\)"),
    ],
)
def test_architectures_that_do_not_fit(spec, architecture, message):
    with pytest.raises(ArchitectureError, match=message):
        amer.build(spec, architecture, catalog=nets.catalog() if spec is SPEC else None)


@pytest.mark.parametrize("catalog", [None, np.zeros((52, 4), "int32")])
def test_a_wrong_catalog(catalog):
    with pytest.raises(SpecError, match=r"`catalog`.*shape \(52, 3\).*Received: "):
        amer.build(SPEC, SHORT, catalog=catalog)
