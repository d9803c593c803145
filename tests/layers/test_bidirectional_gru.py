import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import BidirectionalGru, bidirectional_gru
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, UNITS

HALF = UNITS // 2


@pytest.fixture
def looped(monkeypatch: pytest.MonkeyPatch):
    """The loop of long sequences, for short ones."""
    monkeypatch.setattr(bidirectional_gru, "_MAX_UNROLLED_STEPS", 0)


def forward_reference_of(layer: BidirectionalGru) -> list[keras.layers.GRU]:
    """The two forward Keras layers of a causal one, with the same weights."""
    both = reference_of(layer)
    found = []
    for own in (both.forward_layer, both.backward_layer):
        forward = keras.layers.GRU(HALF, return_sequences=True, reset_after=True)
        forward.build(STATES.shape)
        forward.set_weights(own.get_weights())
        found.append(forward)
    return found


def reference_of(layer: BidirectionalGru) -> keras.layers.Bidirectional:
    """The Keras layers with the same weights."""
    reference = keras.layers.Bidirectional(
        keras.layers.GRU(HALF, return_sequences=True, reset_after=True)
    )
    reference.build(STATES.shape)
    kernel, bias, recurrent_kernel, recurrent_bias = layer.get_weights()
    weights = []
    for direction in range(2):
        columns = slice(3 * HALF * direction, 3 * HALF * (direction + 1))
        weights += [
            kernel[:, columns],
            recurrent_kernel[direction],
            np.stack([bias[columns], recurrent_bias[direction, 0]]),
        ]
    reference.set_weights(weights)
    return reference


def test_layer_contract():
    helpers.check_layer(
        BidirectionalGru,
        config={},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=4,
    )


@pytest.mark.usefixtures("looped")
def test_layer_contract_of_the_loop():
    helpers.check_layer(
        BidirectionalGru,
        config={},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=4,
    )


@pytest.mark.parametrize("looping", [False, True])
@pytest.mark.parametrize(
    "mask",
    [None, MASK, MASK[:, ::-1], np.random.default_rng(1).random(MASK.shape) < 0.5],
    ids=["whole", "right_padded", "left_padded", "holes"],
)
def test_equals_the_keras_layers(looping: bool, mask: np.ndarray | None, request):
    if looping:
        request.getfixturevalue("looped")
    states = np.random.default_rng(2).normal(size=STATES.shape).astype("float32")
    layer = helpers.make_layer(BidirectionalGru, {}, {"states": STATES})
    expected = np.asarray(reference_of(layer)(states, mask=mask))
    if mask is not None:  # the Keras layer repeats the last output at padded steps
        expected = expected * mask[..., None]
    np.testing.assert_allclose(layer(states, mask=mask), expected, atol=1e-6)


@pytest.mark.parametrize("looping", [False, True])
@pytest.mark.parametrize("mask", [MASK, MASK[:, ::-1]], ids=["right_padded", "left_padded"])
def test_causal_both_halves_read_forward(looping: bool, mask: np.ndarray, request):
    if looping:
        request.getfixturevalue("looped")
    states = np.random.default_rng(2).normal(size=STATES.shape).astype("float32")
    layer = helpers.make_layer(BidirectionalGru, {"causal": True}, {"states": states})
    halves = [half(states, mask=mask) for half in forward_reference_of(layer)]
    expected = np.concatenate(halves, axis=-1) * mask[..., None]
    np.testing.assert_allclose(layer(states, mask=mask), expected, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_unrolled_and_looped_gradients_are_equal(jit_compile: bool, monkeypatch):
    layer = helpers.make_layer(BidirectionalGru, {}, {"states": STATES})

    def gradient():
        @tf.function(jit_compile=jit_compile)
        def compute(states, mask):
            with tf.GradientTape() as tape:
                tape.watch(states)
                loss = tf.reduce_sum(layer(states, mask=mask) ** 2)
            return tape.gradient(loss, [states, *(w.value for w in layer.trainable_weights)])

        return [value.numpy() for value in compute(tf.constant(STATES), tf.constant(MASK))]

    unrolled = gradient()
    monkeypatch.setattr(bidirectional_gru, "_MAX_UNROLLED_STEPS", 0)
    helpers.assert_equal(gradient(), unrolled, atol=1e-5)
    assert all(np.abs(value).max() > 0 for value in unrolled)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_two_hundred_steps_compile_with_their_gradient(jit_compile: bool):
    states = np.random.default_rng(3).normal(size=(2, 200, 4)).astype("float32")
    mask = np.arange(200) < np.array([[200], [120]])
    layer = helpers.make_layer(BidirectionalGru, {}, {"states": states})

    @tf.function(jit_compile=jit_compile)
    def compute(states, mask):
        with tf.GradientTape() as tape:
            outputs = layer(states, mask=mask)
            loss = tf.reduce_sum(outputs**2)
        return outputs, tape.gradient(loss, [w.value for w in layer.trainable_weights])

    outputs, gradients = compute(tf.constant(states), tf.constant(mask))
    np.testing.assert_allclose(outputs[1, :120], layer(states[1:, :120])[0], atol=1e-5)
    assert all(np.all(np.isfinite(value)) for value in gradients)


def test_unknown_number_of_steps():
    layer = helpers.make_layer(BidirectionalGru, {}, {"states": STATES})
    inputs = keras.Input((None, UNITS))
    model = keras.Model(inputs, layer(inputs))
    np.testing.assert_allclose(model(STATES), layer(STATES), atol=1e-6)


def test_recurrent_kernels_start_orthogonal_and_input_kernels_in_xaviers_range():
    layer = BidirectionalGru()
    layer.build((None, 5, 64))
    kernel, _, recurrent_kernel, _ = layer.get_weights()
    for direction in range(2):
        product = recurrent_kernel[direction] @ recurrent_kernel[direction].T
        np.testing.assert_allclose(product, np.eye(32), atol=1e-5)
    limit = np.sqrt(6 / (64 + 96))
    assert 0.98 * limit < np.abs(kernel).max() <= limit


def test_refuses_an_odd_number_of_units():
    with pytest.raises(ValueError, match="must be even. Received: units=7"):
        BidirectionalGru().build((None, 5, 7))
