import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import AttentionalGru
from tests import helpers
from tests.conformance.descriptions import ATTENTION, MASK, STATES, UNITS

INPUTS = {"states": STATES, "attention": ATTENTION, "states_mask": MASK}


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def by_formula(layer, states, attention, mask):
    """The states `(B, T, D)` step by step (Zhou et al., 2019)."""
    kernel, bias, recurrent = (np.asarray(weight, "float64") for weight in layer.get_weights())
    outputs = np.zeros(states.shape)
    for row in range(len(states)):
        state = np.zeros(states.shape[-1])
        for step in np.flatnonzero(mask[row]):
            of_inputs = np.split(states[row, step] @ kernel + bias, 3)
            of_state = np.split(state @ recurrent, 3)
            update = attention[row, step] * sigmoid(of_inputs[0] + of_state[0])
            reset = sigmoid(of_inputs[1] + of_state[1])
            candidate = np.tanh(of_inputs[2] + reset * of_state[2])
            state = (1 - update) * state + update * candidate
            outputs[row, step] = state
    return outputs


def test_layer_contract():
    helpers.check_layer(
        AttentionalGru, config={}, inputs=INPUTS, output_shape=STATES.shape, num_weights=3
    )


@pytest.mark.parametrize(
    "mask",
    [np.ones_like(MASK), MASK, MASK[:, ::-1], np.random.default_rng(1).random(MASK.shape) < 0.5],
    ids=["whole", "right_padded", "left_padded", "holes"],
)
def test_equals_the_formula(mask):
    states = np.random.default_rng(2).normal(size=STATES.shape).astype("float32")
    layer = helpers.make_layer(AttentionalGru, {}, INPUTS)
    expected = by_formula(layer, states, ATTENTION, mask)
    np.testing.assert_allclose(layer(states, ATTENTION, states_mask=mask), expected, atol=1e-6)


def test_without_attention_it_is_the_gru_of_keras():
    layer = helpers.make_layer(AttentionalGru, {}, INPUTS)
    reference = keras.layers.GRU(UNITS, return_sequences=True, reset_after=True)
    reference.build(STATES.shape)
    kernel, bias, recurrent = layer.get_weights()
    # Keras's update gate is how much of the state stays.
    sign = np.repeat([-1.0, 1.0, 1.0], UNITS)
    reference.set_weights([kernel * sign, recurrent * sign, np.stack([bias * sign, 0 * bias])])
    expected = np.asarray(reference(STATES, mask=MASK)) * MASK[..., None]
    np.testing.assert_allclose(layer(STATES, states_mask=MASK), expected, atol=1e-6)
    ones = np.ones_like(ATTENTION)
    np.testing.assert_allclose(layer(STATES, ones, states_mask=MASK), expected, atol=1e-6)


def test_a_step_without_attention_keeps_the_state():
    layer = helpers.make_layer(AttentionalGru, {}, INPUTS)
    attention = ATTENTION.copy()
    attention[:, 2:4] = 0
    outputs = np.asarray(layer(STATES[:1], attention[:1]))
    np.testing.assert_array_equal(outputs[:, 2:4], outputs[:, [1, 1]])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fifty_steps_compile_with_their_gradient(jit_compile: bool):
    states = np.random.default_rng(3).normal(size=(2, 50, 4)).astype("float32")
    attention = np.random.default_rng(4).random((2, 50)).astype("float32")
    mask = np.arange(50) < np.array([[50], [20]])
    layer = helpers.make_layer(AttentionalGru, {}, {"states": states, "attention": attention})

    @tf.function(jit_compile=jit_compile)
    def compute(states, attention, mask):
        with tf.GradientTape() as tape:
            tape.watch(attention)
            outputs = layer(states, attention, states_mask=mask)
            loss = tf.reduce_sum(outputs**2)
        weights = [weight.value for weight in layer.trainable_weights]
        return outputs, tape.gradient(loss, [attention, *weights])

    outputs, gradients = compute(*map(tf.constant, (states, attention, mask)))
    expected = by_formula(layer, states, attention, mask)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert all(np.all(np.isfinite(value)) and np.any(value) for value in gradients)
    assert not np.any(gradients[0][1, 20:])


def test_recurrent_kernel_starts_orthogonal_and_input_kernel_in_xaviers_range():
    layer = AttentionalGru()
    layer.build((None, 5, 64))
    kernel, _, recurrent = layer.get_weights()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)
    limit = np.sqrt(6 / 128)
    assert 0.98 * limit < np.abs(kernel).max() <= limit


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="states of `AttentionalGru` must be known.*Received: st"):
        AttentionalGru().build((None, 5, None))
