import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import NextEventLoss
from tests import helpers
from tests.conformance.descriptions import EVENTS, MASK, STATES

CONFIG = {"hidden_units": [4, 3], "weight": 0.5}
INPUTS = {"states": STATES, "events": EVENTS, "states_mask": MASK}


def by_formula(layer, states, events, mask):
    """The mean over counted steps, one at a time (Zhou et al., 2019)."""
    weights = layer.get_weights()

    def chance(state, event):
        hidden = np.concatenate([state, event])
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            hidden = np.maximum(hidden @ kernel + bias, 0)
        return 1 / (1 + np.exp(-(hidden @ weights[-2] + weights[-1])[0]))

    losses = []
    for row in range(len(states)):
        other = (row + 1) % len(states)
        for step in range(states.shape[1] - 1):
            event, another = events[row, step + 1], events[other, step + 1]
            if mask[row, step] and mask[row, step + 1] and mask[other, step + 1]:
                if np.array_equal(event, another):
                    continue
                state = states[row, step]
                losses.append(-np.log(chance(state, event)) - np.log(1 - chance(state, another)))
    return np.mean(losses) if losses else 0.0, len(losses)


def test_layer_contract():
    helpers.check_layer(
        NextEventLoss, config=CONFIG, inputs=INPUTS, output_shape=STATES.shape, num_weights=6
    )


def test_equals_the_formula():
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)
    # Of rows of 6, 3, 1 and 0 events only the first meets other next events: two of them.
    expected, count = by_formula(layer, STATES, EVENTS, MASK)
    assert count == 2
    np.testing.assert_array_equal(layer(**INPUTS, training=True), STATES)
    np.testing.assert_allclose(layer.losses, [0.5 * expected], rtol=1e-5)
    whole = np.ones_like(MASK)
    layer(STATES, EVENTS, training=True)
    expected, count = by_formula(layer, STATES, EVENTS, whole)
    assert count == 20
    np.testing.assert_allclose(layer.losses, [0.5 * expected], rtol=1e-5)


def test_the_same_event_is_no_other_event():
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)
    events = EVENTS.copy()
    events[1, 2:5] = events[0, 2:5]
    whole = np.ones_like(MASK)
    expected, count = by_formula(layer, STATES, events, whole)
    assert count == 17
    layer(STATES, events, states_mask=whole, training=True)
    np.testing.assert_allclose(layer.losses, [0.5 * expected], rtol=1e-5)


def test_absent_outside_training():
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)
    for options in ({}, {"training": False}):
        np.testing.assert_array_equal(layer(**INPUTS, **options), STATES)
        assert layer.losses == []


def test_padding_changes_nothing():
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)
    layer(**INPUTS, training=True)
    [expected] = layer.losses
    for before, after in ((0, 3), (3, 0), (1, 2)):
        steps = (before, after)
        layer(
            np.pad(STATES, [(0, 0), steps, (0, 0)]),
            np.pad(EVENTS, [(0, 0), steps, (0, 0)]),
            states_mask=np.pad(MASK, [(0, 0), steps]),
            training=True,
        )
        np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)


@pytest.mark.parametrize("size", [0, 1])
def test_no_other_event(size: int):
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)
    mask = np.ones_like(MASK) if size else np.zeros_like(MASK)
    rows = slice(0, size or None)
    layer(STATES[rows], EVENTS[rows], states_mask=mask[rows], training=True)
    np.testing.assert_array_equal(layer.losses, [0.0])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiles_with_its_gradient(jit_compile: bool):
    layer = helpers.make_layer(NextEventLoss, CONFIG, INPUTS)

    @tf.function(jit_compile=jit_compile)
    def compute(states, events, mask):
        with tf.GradientTape() as tape:
            tape.watch([states, events])
            layer(states, events, states_mask=mask, training=True)
            loss = sum(layer.losses)
        weights = [weight.value for weight in layer.trainable_weights]
        return loss, tape.gradient(loss, [states, events, *weights])

    loss, gradients = compute(*map(tf.constant, (STATES, EVENTS, MASK)))
    expected, _ = by_formula(layer, STATES, EVENTS, MASK)
    np.testing.assert_allclose(loss, 0.5 * expected, rtol=1e-5)
    assert all(np.all(np.isfinite(value)) and np.any(value) for value in gradients)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_units": ()}, r"one or more positive integers. Received: hidden_units=\(\)"),
        ({"hidden_units": (4, 0)}, r"Received: hidden_units=\(4, 0\)"),
        ({"weight": -1.0}, "must not be negative. Received: weight=-1.0"),
    ],
)
def test_arguments_that_are_wrong(config, message):
    with pytest.raises(ValueError, match=message):
        NextEventLoss(**config)
