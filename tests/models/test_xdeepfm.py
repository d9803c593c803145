"""xDeepFM against NumPy, and saved."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.features import NumericField, SpecError
from amer_tf.models import aggregation, xdeepfm
from tests import helpers
from tests.models.test_ctr import (
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


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = xdeepfm.build(SPEC, embedding_dim=3, hidden_units=(6, 5), cin_sizes=(4, 2))
    helpers.fix_weights(model)
    return model


def compressed(model, embedded):
    fields = states = np.stack([embedded[name] for name in FIELDS], axis=1)
    rows = []
    for kernel in model.get_layer("amer.cin").get_weights():
        kernel = kernel.reshape(len(kernel), states.shape[1], fields.shape[1])
        states = np.einsum("hij,bid,bjd->bhd", kernel, states, fields)
        rows.append(states.sum(axis=-1))
    return np.concatenate(rows, axis=1)


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    embedded = embeddings(model, inputs)
    deep = deep_part(model, flat_input(embedded, inputs))
    rows = compressed(model, embedded)
    assert rows.shape == (5, 4 + 2)
    joint = dense(model, "amer.output", np.concatenate([deep, rows], axis=1))[:, 0]
    expected = scaled_logit(model, joint, linear_part(model, inputs))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = xdeepfm.build(HYBRID, embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3)
    assert set(model.input) == {field.name for field in HYBRID}
    table = xdeepfm.build(SPEC, embedding_dim=3)
    assert aggregation.input_size(model) == aggregation.input_size(table) + 2 * 3
    assert np.isfinite(np.asarray(model(batch(HYBRID)))).all()


def test_refuses_another_task():
    with pytest.raises(SpecError, match="xDeepFM is a model of task 'ctr'. Received: .*next_item"):
        xdeepfm.build(nets.next_item_spec())


def test_refuses_numbers_alone():
    spec = dataclasses.replace(SPEC, fields=(NumericField("price"),), vocabularies=())
    with pytest.raises(SpecError, match=r"xDeepFM needs 1 or more categorical .*Received: \[\]"):
        xdeepfm.build(spec)


def test_refuses_no_layers():
    with pytest.raises(ValueError, match=r"positive integers. Received: sizes=\(\)"):
        xdeepfm.build(SPEC, cin_sizes=())
