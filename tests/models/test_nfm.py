"""NFM against NumPy, and saved."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, NumericField, SpecError
from amer_tf.models import aggregation, nfm
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


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = nfm.build(SPEC, embedding_dim=3, hidden_units=(6, 5))
    helpers.fix_weights(model)
    return model


def pooled_pairs(model, inputs):
    embedded = embeddings(model, inputs)
    return sum(embedded[a] * embedded[b] for a, b in itertools.combinations(FIELDS, 2))


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    flat = np.concatenate([pooled_pairs(model, inputs), inputs["price"][:, None]], axis=1)
    deep = dense(model, "amer.output", deep_part(model, flat))[:, 0]
    expected = scaled_logit(model, deep, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = nfm.build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
    helpers.fix_weights(model)
    assert set(model.input) == {field.name for field in HYBRID}
    assert aggregation.input_size(model) == 3 + 1 + 2 * 3
    inputs = batch(HYBRID)
    summed = behavior_states(model, inputs).sum(axis=1)
    flat = [pooled_pairs(model, inputs), inputs["price"][:, None], summed]
    deep = dense(model, "amer.output", deep_part(model, np.concatenate(flat, axis=1), 1))[:, 0]
    expected = scaled_logit(model, deep, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="NFM is a model of task 'ctr'. Received: .*next_item"):
        nfm.build(nets.next_item_spec())


def test_refuses_a_single_field():
    fields = (CategoricalField("user"), NumericField("price", "context"))
    spec = dataclasses.replace(SPEC, fields=fields, vocabularies=SPEC.vocabularies[:1])
    with pytest.raises(SpecError, match=r"NFM needs 2 or more categorical .*Received: \['user'\]"):
        nfm.build(spec)
