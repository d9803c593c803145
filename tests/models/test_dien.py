"""DIEN against NumPy, its auxiliary loss, and saved."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import NumericField, SpecError
from amer_tf.models import dien
from amer_tf.training.ctr import CtrTrainer
from tests import helpers
from tests.layers import test_attentional_gru as gru
from tests.layers import test_next_event_loss as next_event
from tests.models.test_ctr import (
    HYBRID,
    SPEC,
    batch,
    behavior_states,
    dense,
    embeddings,
    flat_input,
    scaled_logit,
)
from tests.models.test_din import dice
from tests.search import nets

WEIGHT = 0.7


def build(spec=HYBRID, **options):
    options = {"auxiliary_weight": WEIGHT, **options}
    model = dien.build(spec, embedding_dim=3, hidden_units=(6, 5), **options)
    helpers.fix_weights(model)
    return model


# A new one for each test: a call in training moves the averages of Dice.
@pytest.fixture
def model() -> keras.Model:
    return build()


def longer(inputs, num_steps):
    """The same histories with more padding."""
    return {
        name: np.pad(value, [(0, 0), (0, num_steps)]) if name.endswith("history") else value
        for name, value in inputs.items()
    }


def extracted(model, inputs):
    """The states `(5, T, D)` of the interest extractor, by its formula."""
    states, mask = behavior_states(model, inputs), inputs["ad_history"] > 0
    layer = model.get_layer("amer.interest_extractor")
    return gru.by_formula(layer, states, np.ones(mask.shape), mask)


def attention(states, mask, target, kernel):
    """The softmax over valid steps of `h W t`, a row at a time."""
    weights = np.zeros(mask.shape)
    for row in range(len(states)):
        scores = np.exp(states[row, mask[row]] @ (target[row] @ kernel))
        weights[row, mask[row]] = scores / scores.sum()
    return weights


def test_equals_numpy(model: keras.Model):
    inputs = batch(HYBRID)
    mask = inputs["ad_history"] > 0
    embedded = embeddings(model, inputs)
    states = extracted(model, inputs)
    # The page of the history has no counterpart: the ad is projected to a step's width.
    [projection] = model.get_layer("amer.target_projection").get_weights()
    [kernel] = model.get_layer("amer.interest_attention").get_weights()
    weights = attention(states, mask, embedded["ad"] @ projection, kernel)
    evolved = gru.by_formula(model.get_layer("amer.interest_evolution"), states, weights, mask)
    last = np.array(
        [evolved[row, length - 1] * (length > 0) for row, length in enumerate(mask.sum(axis=1))]
    )
    parts = [flat_input(embedded, inputs), behavior_states(model, inputs).sum(axis=1), last]
    hidden = np.concatenate(parts, axis=1)
    for index in range(2):
        hidden = dice(model, index, dense(model, f"amer.hidden_{index}", hidden))
    expected = scaled_logit(model, dense(model, "amer.output", hidden)[:, 0])
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


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


def test_trained_with_its_auxiliary_loss():
    model = dien.build(HYBRID, embedding_dim=3, hidden_units=(6, 5), l2=0.1)
    trainer = CtrTrainer(model)
    trainer.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
    inputs, labels = batch(HYBRID), np.array([0, 1, 1, 0, 1], "float32")
    before = model.get_layer("amer.next_event_loss").get_weights()
    history = trainer.fit(inputs, labels, batch_size=5, epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    after = model.get_layer("amer.next_event_loss").get_weights()
    assert all(np.any(new != old) for new, old in zip(after, before, strict=True))


def test_without_the_auxiliary_loss():
    model, inputs = build(auxiliary_weight=0.0), batch(HYBRID)
    assert "amer.next_event_loss" not in [layer.name for layer in model.layers]
    model(inputs, training=True)
    assert model.losses == []


def test_padding_changes_nothing(model: keras.Model):
    inputs = batch(HYBRID)
    long = build(dataclasses.replace(HYBRID, max_length=9))
    np.testing.assert_allclose(long(longer(inputs, 5)), model(inputs), atol=1e-6)


def test_users_without_a_history(model: keras.Model):
    inputs = batch(HYBRID)
    empty = {name: inputs[name] * 0 for name in ("ad_history", "page_history")}
    for training in (False, True):
        logits = np.asarray(model({**inputs, **empty}, training=training))
        assert np.isfinite(logits).all()
        assert all(loss == 0 for loss in model.losses)


def test_compiled(model: keras.Model):
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(batch(HYBRID)), model(batch(HYBRID)), atol=1e-5)


def test_a_number_of_an_event():
    spec = dataclasses.replace(HYBRID, fields=(*HYBRID.fields, NumericField("gap", "behavior")))
    inputs = {**batch(HYBRID), "gap": np.linspace(-1, 1, 20, dtype="float32").reshape(5, 4)}
    model = build(spec)
    assert model.get_layer("amer.interest_evolution").output.shape == (None, 4, 9)
    assert np.isfinite(model(inputs, training=True)).all()


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again, inputs = keras.models.load_model(tmp_path / "model.keras"), batch(HYBRID)
    np.testing.assert_array_equal(again(inputs), model(inputs))
    for each in (again, model):
        each(inputs, training=True)
    np.testing.assert_allclose(again.losses, model.losses, rtol=1e-6)


@pytest.mark.parametrize("spec", [SPEC, dataclasses.replace(HYBRID, target_to_behavior={})])
def test_needs_a_target(spec):
    assert not dien.fits(spec)
    with pytest.raises(SpecError, match="DIEN needs a target field that is mapped .*Received: sp"):
        dien.build(spec)
    assert dien.fits(HYBRID)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="DIEN is a model of task 'ctr'. Received: .*next_item"):
        dien.build(nets.next_item_spec())


def test_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="must not be negative. Received: auxiliary_weight=-1"):
        dien.build(HYBRID, auxiliary_weight=-1)
