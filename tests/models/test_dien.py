"""DIEN against NumPy, and its auxiliary loss."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import NumericField
from amer_tf.models import dien
from amer_tf.training.ctr import CtrTrainer
from tests import helpers
from tests.layers import test_attentional_gru as gru
from tests.layers import test_next_event_loss as next_event
from tests.models.ctr_contract import (
    HYBRID,
    TargetContract,
    attention,
    batch,
    behavior_states,
    dice,
    flat_input,
    output,
    projected_target,
    scaled_logit,
)

WEIGHT = 0.7


def extracted(model, inputs):
    """The states `(5, T, D)` of the interest extractor, by its formula."""
    states, mask = behavior_states(model, inputs), inputs["ad_history"] > 0
    layer = model.get_layer("amer.interest_extractor")
    return gru.by_formula(layer, states, np.ones(mask.shape), mask)


class TestDien(TargetContract):
    system, title = dien, "DIEN"
    options = TargetContract.options | {"auxiliary_weight": WEIGHT}

    def expected(self, model, inputs):
        states, mask = extracted(model, inputs), inputs["ad_history"] > 0
        [kernel] = model.get_layer("amer.interest_attention").get_weights()
        weights = attention(states, mask, projected_target(model, inputs), kernel)
        evolved = gru.by_formula(model.get_layer("amer.interest_evolution"), states, weights, mask)
        last = np.array(
            [evolved[row, length - 1] * (length > 0) for row, length in enumerate(mask.sum(axis=1))]
        )
        hidden = dice(model, np.concatenate([flat_input(model, inputs), last], axis=1))
        return scaled_logit(model, output(model, hidden))


def build(spec=HYBRID, **options):
    """A model without dropout."""
    model = dien.build(spec, **{**TestDien.options, **options})
    helpers.fix_weights(model)
    return model


# A new one for each test: a call in training moves the averages of Dice.
@pytest.fixture
def model() -> keras.Model:
    return build()


def test_the_auxiliary_loss_equals_numpy(model: keras.Model):
    inputs = batch(HYBRID)
    mask = inputs["ad_history"] > 0
    events = behavior_states(model, inputs)
    layer = model.get_layer("amer.next_event_loss")
    expected, count = next_event.by_formula(layer, extracted(model, inputs), events, mask)
    # Rows of 4, 2, 0, 1 and 3 events, each beside the next and the last beside the first.
    assert count == 1 + 2
    keras.Model(model.inputs, model.outputs)(inputs, training=True)
    np.testing.assert_allclose(sum(layer.losses), WEIGHT * expected, rtol=1e-4)


def test_the_auxiliary_loss_is_a_loss_of_the_model_in_training_alone(model: keras.Model):
    inputs = batch(HYBRID)
    labels = np.array([0, 1, 1, 0, 1], "float32")
    for options in ({}, {"training": False}):
        model(inputs, **options)
        assert model.losses == []
    trainer = CtrTrainer(model)
    with_it = trainer.batch_loss(inputs, labels)
    [auxiliary] = model.losses
    assert auxiliary > 0
    logits = model(inputs, training=True)
    own = np.mean(np.log1p(np.exp(logits)) - labels * logits)
    np.testing.assert_allclose(with_it, own + auxiliary, rtol=1e-3)


@pytest.mark.parametrize("eagerly", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_trained_with_its_auxiliary_loss(eagerly: bool):
    model = dien.build(HYBRID, embedding_dim=3, hidden_units=(6, 5), l2=0.1)
    trainer = CtrTrainer(model)
    trainer.compile(
        optimizer=keras.optimizers.Adam(0.01), run_eagerly=eagerly, jit_compile=not eagerly
    )
    inputs, labels = batch(HYBRID), np.array([0, 1, 1, 0, 1], "float32")
    before = model.get_layer("amer.next_event_loss").get_weights()
    history = trainer.fit(inputs, labels, batch_size=5, epochs=5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    after = model.get_layer("amer.next_event_loss").get_weights()
    assert all(np.any(new != old) for new, old in zip(after, before, strict=True))


def test_without_the_auxiliary_loss():
    model, inputs = build(auxiliary_weight=0.0), batch(HYBRID)
    assert "amer.next_event_loss" not in [layer.name for layer in model.layers]
    model(inputs, training=True)
    assert model.losses == []


def test_users_without_a_history_have_no_auxiliary_loss(model: keras.Model):
    inputs = batch(HYBRID)
    empty = {name: inputs[name] * 0 for name in ("ad_history", "page_history")}
    assert np.isfinite(np.asarray(model({**inputs, **empty}, training=True))).all()
    [auxiliary] = model.losses
    assert auxiliary == 0


def test_compiled(model: keras.Model):
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(batch(HYBRID)), model(batch(HYBRID)), atol=1e-5)


def test_a_number_of_an_event():
    spec = dataclasses.replace(HYBRID, fields=(*HYBRID.fields, NumericField("gap", "behavior")))
    inputs = {**batch(HYBRID), "gap": np.linspace(-1, 1, 20, dtype="float32").reshape(5, 4)}
    model = build(spec)
    assert model.get_layer("amer.interest_evolution").output.shape == (None, 4, 15)
    assert np.isfinite(model(inputs, training=True)).all()


def test_a_reloaded_model_has_the_auxiliary_loss(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again, inputs = keras.models.load_model(tmp_path / "model.keras"), batch(HYBRID)
    for each in (again, model):
        each(inputs, training=True)
    assert len(again.losses) == 1
    np.testing.assert_allclose(again.losses, model.losses, rtol=1e-6)


def test_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="must not be negative. Received: auxiliary_weight=-1"):
        dien.build(HYBRID, auxiliary_weight=-1)
