"""AutoFIS against NumPy, in both stages."""

from __future__ import annotations

import itertools
import types

import keras
import numpy as np
import pytest

from amer_tf.models import autofis, deepfm, wide_and_deep
from tests import helpers
from tests.models.ctr_contract import (
    FIELDS,
    SPEC,
    TableContract,
    batch,
    deep_part,
    embeddings,
    flat_input,
    linear_part,
    output,
    scaled_logit,
)

PAIRS = (("user", "ad"), ("tags", "hour"), ("user", "tags"))
ATTENTION = (0.7, -1.3, 0.2)
OPTIONS = {"embedding_dim": 3, "hidden_units": (6, 5)}


def inner(embedded, pair):
    return (embedded[pair[0]] * embedded[pair[1]]).sum(axis=1)


class TestAutoFis(TableContract):
    system, title, num_fields = autofis, "AutoFIS", 2

    def expected(self, model, inputs):
        embedded = embeddings(model, inputs)
        deep = output(model, deep_part(model, flat_input(model, inputs)))
        [attention] = model.get_layer("amer.attention").get_weights()
        products = [inner(embedded, pair) for pair in autofis.field_pairs(SPEC)]
        pairs = np.stack(products, axis=1) @ attention[:, 0]
        return scaled_logit(model, deep, pairs, linear_part(model, inputs))


class TestGated(TableContract):
    """The network of the first stage, which normalises by its running mean and variance."""

    system, title, num_fields = types.SimpleNamespace(build=autofis.build_gated), "AutoFIS", 2

    def expected(self, model, inputs):
        return gated_logits(model, inputs, training=False)


def test_chosen_pairs_begin_with_the_weights_that_are_given():
    inputs = batch(SPEC)
    model = autofis.build(SPEC, pairs=PAIRS, attention=ATTENTION, **OPTIONS)
    embedded = embeddings(model, inputs)
    deep = output(model, deep_part(model, flat_input(model, inputs)))
    pairs = sum(
        weight * inner(embedded, pair) for weight, pair in zip(ATTENTION, PAIRS, strict=True)
    )
    assert np.abs(pairs).max() > 1e-6
    expected = scaled_logit(model, deep, pairs, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-6)


def gated_logits(model, inputs, *, training):
    embedded = embeddings(model, inputs)
    deep = output(model, deep_part(model, flat_input(model, inputs)))
    pairs = list(itertools.combinations(FIELDS, 2))
    assert autofis.field_pairs(SPEC) == pairs
    products = np.stack([inner(embedded, pair) for pair in pairs], axis=1)
    layer = model.get_layer("amer.pairs.normalization")
    mean, variance = layer.get_weights()  # neither a scale nor a shift
    if training:  # those of the batch
        mean, variance = products.mean(axis=0), products.var(axis=0)
    normalized = (products - mean) / np.sqrt(variance + layer.epsilon)
    [gates] = model.get_layer(autofis.GATES).get_weights()
    return scaled_logit(model, deep, normalized @ gates[:, 0], linear_part(model, inputs))


def test_in_training_the_pairs_are_normalised_over_the_batch():
    model, inputs = autofis.build_gated(SPEC, **OPTIONS), batch(SPEC)
    helpers.fix_weights(model)
    expected = gated_logits(model, inputs, training=True)
    logits = np.asarray(model(inputs, training=True))
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected - gated_logits(model, inputs, training=False)).max() > 1e-2


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


@pytest.mark.parametrize("pair", [("user", "user"), ("user", "price"), ("user",)])
def test_refuses_what_is_no_pair(pair):
    with pytest.raises(ValueError, match=r"`pairs` must hold two different .*pairs\[1\]=\('user'"):
        autofis.build(SPEC, pairs=[("user", "ad"), pair])


def test_refuses_weights_of_other_pairs():
    with pytest.raises(ValueError, match="each pair. Received: 1 numbers, 3 pairs"):
        autofis.build(SPEC, pairs=PAIRS, attention=(0.5,))
