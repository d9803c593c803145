"""FiBiNET against NumPy, and saved."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, NumericField, SpecError
from amer_tf.models import aggregation, fibinet
from tests import helpers
from tests.models.test_ctr import (
    FIELDS,
    HYBRID,
    SPEC,
    batch,
    behavior_states,
    deep_part,
    dense,
    embeddings,
    linear_part,
    scaled_logit,
)
from tests.search import nets

KINDS = ("all", "each", "interaction")
PAIRS = list(itertools.combinations(range(len(FIELDS)), 2))


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> keras.Model:
    model = fibinet.build(
        SPEC,
        embedding_dim=3,
        hidden_units=(6, 5),
        bilinear=request.param,
        reduction_ratio=2,
    )
    helpers.fix_weights(model)
    return model


def bilinear_pairs(layer, fields):
    (kernel,) = layer.get_weights()
    position = {
        "all": lambda i, j: 0,
        "each": lambda i, j: i,
        "interaction": lambda i, j: PAIRS.index((i, j)),
    }[layer.kind]
    return [fields[i] @ kernel[position(i, j)] * fields[j] for i, j in PAIRS]


def all_pairs(model, inputs):
    """Both kinds of pairs one after another, by hand."""
    embedded = embeddings(model, inputs)
    fields = [embedded[name] for name in FIELDS]
    squeeze, excite = model.get_layer("amer.weighted_fields").get_weights()
    means = np.stack([field.mean(axis=1) for field in fields], axis=1)
    gates = np.maximum(np.maximum(means @ squeeze, 0) @ excite, 0)
    assert (gates > 0).any()
    weighted = [gates[:, [index]] * field for index, field in enumerate(fields)]
    return [
        *bilinear_pairs(model.get_layer("amer.pairs.fields"), fields),
        *bilinear_pairs(model.get_layer("amer.pairs.weighted_fields"), weighted),
    ]


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    flat = np.concatenate([*all_pairs(model, inputs), inputs["price"][:, None]], axis=1)
    deep = dense(model, "amer.output", deep_part(model, flat))[:, 0]
    expected = scaled_logit(model, deep, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = fibinet.build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
    helpers.fix_weights(model)
    assert set(model.input) == {field.name for field in HYBRID}
    assert aggregation.input_size(model) == 2 * 6 * 3 + 1 + 2 * 3
    inputs = batch(HYBRID)
    summed = behavior_states(model, inputs).sum(axis=1)
    flat = [*all_pairs(model, inputs), inputs["price"][:, None], summed]
    deep = dense(model, "amer.output", deep_part(model, np.concatenate(flat, axis=1), 1))[:, 0]
    expected = scaled_logit(model, deep, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="FiBiNET is a model of task 'ctr'. Received: .*next_item"):
        fibinet.build(nets.next_item_spec())


def test_refuses_a_single_field():
    fields = (CategoricalField("user"), NumericField("price", "context"))
    spec = dataclasses.replace(SPEC, fields=fields, vocabularies=SPEC.vocabularies[:1])
    with pytest.raises(SpecError, match=r"FiBiNET needs 2 or more .*Received: \['user'\]"):
        fibinet.build(spec)


def test_refuses_another_kind_of_pairs():
    with pytest.raises(ValueError, match="`kind` must be one of .*Received: kind='field'"):
        fibinet.build(SPEC, bilinear="field")
