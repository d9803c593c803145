"""AutoFIS against NumPy in both stages, and saved."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, NumericField, SpecError
from amer_tf.models import aggregation, autofis, deepfm, wide_and_deep
from tests import helpers
from tests.models.ctr_contract import (
    FIELDS,
    HYBRID,
    SPEC,
    batch,
    deep_part,
    dense,
    embeddings,
    flat_input,
    linear_part,
    scaled_logit,
)
from tests.search import nets

PAIRS = (("user", "ad"), ("tags", "hour"), ("user", "tags"))
ATTENTION = (0.7, -1.3, 0.2)
OPTIONS = {"embedding_dim": 3, "hidden_units": (6, 5)}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = autofis.build(SPEC, pairs=PAIRS, attention=ATTENTION, **OPTIONS)
    [attention] = model.get_layer("amer.attention").get_weights()
    helpers.fix_weights(model)
    model.get_layer("amer.attention").set_weights([attention])
    return model


def inner(embedded, pair):
    return (embedded[pair[0]] * embedded[pair[1]]).sum(axis=1)


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    embedded = embeddings(model, inputs)
    deep = dense(model, "amer.output", deep_part(model, flat_input(model, inputs)))[:, 0]
    pairs = sum(
        weight * inner(embedded, pair) for weight, pair in zip(ATTENTION, PAIRS, strict=True)
    )
    expected = scaled_logit(model, deep, pairs, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def gated() -> keras.Model:
    model = autofis.build_gated(SPEC, **OPTIONS)
    helpers.fix_weights(model)
    return model


@pytest.mark.parametrize("training", [False, True])
def test_first_stage_equals_numpy(gated: keras.Model, training: bool):
    inputs = batch(SPEC)
    embedded = embeddings(gated, inputs)
    deep = dense(gated, "amer.output", deep_part(gated, flat_input(gated, inputs)))[:, 0]
    pairs = list(itertools.combinations(FIELDS, 2))
    assert autofis.field_pairs(SPEC) == pairs
    products = np.stack([inner(embedded, pair) for pair in pairs], axis=1)
    layer = gated.get_layer("amer.pairs.normalization")
    mean, variance = layer.get_weights()  # neither a scale nor a shift
    if training:  # those of the batch
        mean, variance = products.mean(axis=0), products.var(axis=0)
    normalized = (products - mean) / np.sqrt(variance + layer.epsilon)
    [gates] = gated.get_layer(autofis.GATES).get_weights()
    expected = scaled_logit(gated, deep, normalized @ gates[:, 0], linear_part(gated, inputs))
    saved = layer.get_weights()
    logits = np.asarray(gated(inputs, training=training))
    layer.set_weights(saved)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_gates_begin_alike():
    [gates] = autofis.build_gated(SPEC, **OPTIONS).get_layer(autofis.GATES).get_weights()
    np.testing.assert_array_equal(gates, np.full((6, 1), 0.6, "float32"))


def test_with_all_pairs_it_begins_as_a_deepfm():
    inputs = batch(SPEC)
    models = []
    for module in (autofis, deepfm):
        keras.utils.set_random_seed(0)
        models.append(module.build(SPEC, **OPTIONS))
    assert models[0].count_params() == models[1].count_params() + 6
    by_path = {weight.path: weight for weight in models[0].weights}
    for weight in models[1].weights:
        weight.assign(by_path[weight.path])
    np.testing.assert_allclose(models[0](inputs), models[1](inputs), rtol=1e-4, atol=1e-5)


def test_without_pairs_it_is_a_wide_and_deep():
    inputs, options = batch(SPEC), OPTIONS
    model, other = autofis.build(SPEC, pairs=(), **options), wide_and_deep.build(SPEC, **options)
    assert [weight.path for weight in model.weights] == [weight.path for weight in other.weights]
    for each in (model, other):
        helpers.fix_weights(each)
    np.testing.assert_array_equal(model(inputs), other(inputs))


def test_saved_and_reloaded(model: keras.Model, gated: keras.Model, tmp_path):
    for each in (model, gated):
        each.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(again(batch(SPEC)), each(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    for build in (autofis.build, autofis.build_gated):
        model = build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
        assert set(model.input) == {field.name for field in HYBRID}
        table = build(SPEC, embedding_dim=3)
        assert aggregation.input_size(model) == aggregation.input_size(table) + 2 * 3


@pytest.mark.parametrize("build", [autofis.build, autofis.build_gated])
def test_refuses_what_it_cannot_read(build):
    with pytest.raises(SpecError, match="AutoFIS is a model of task 'ctr'. Received: "):
        build(nets.next_item_spec())
    fields = (CategoricalField("user"), NumericField("price", "context"))
    spec = dataclasses.replace(SPEC, fields=fields, vocabularies=SPEC.vocabularies[:1])
    with pytest.raises(SpecError, match=r"AutoFIS needs 2 or more .*Received: \['user'\]"):
        build(spec)


@pytest.mark.parametrize("pair", [("user", "user"), ("user", "price"), ("user",)])
def test_refuses_what_is_no_pair(pair):
    with pytest.raises(ValueError, match=r"`pairs` must hold two different .*pairs\[1\]=\('user'"):
        autofis.build(SPEC, pairs=[("user", "ad"), pair])


def test_refuses_weights_of_other_pairs():
    with pytest.raises(ValueError, match="each pair. Received: 1 numbers, 3 pairs"):
        autofis.build(SPEC, pairs=PAIRS, attention=(0.5,))
