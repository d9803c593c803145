import keras
import numpy as np
import pytest

from amer_tf.layers import LocalActivationUnit
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, TARGET

INPUTS = {"states": STATES, "target": TARGET, "states_mask": MASK}


def test_layer_contract():
    helpers.check_layer(
        LocalActivationUnit,
        config={"hidden_units": [5]},
        inputs=INPUTS,
        output_shape=MASK.shape,
        num_weights=5,
    )


def test_values_by_hand():
    # h = 3, t = 2: [3, 2, 1, 6] . (1, 1, 1, -2) = -6, PReLU of slope 0.25 gives -1.5; 2 a + 1 = -2.
    layer = LocalActivationUnit(hidden_units=[1])
    states, target = np.array([[[3.0], [1.0]]]), np.array([[2.0]])
    layer.build(states.shape, target.shape)
    layer.hidden_layers[0].set_weights([np.array([[1.0], [1.0], [1.0], [-2.0]]), np.zeros(1)])
    layer.weight.set_weights([np.array([[2.0]]), np.array([1.0])])
    # h = 1: [1, 2, -1, 2] . (1, 1, 1, -2) = -2, gives -0.5, and 0 in the end.
    np.testing.assert_allclose(layer(states, target), [[-2.0, 0.0]])
    mask = np.array([[False, True]])
    np.testing.assert_allclose(layer(states, target, states_mask=mask), [[0.0, 0.0]])


def test_weights_are_not_normalised():
    layer = helpers.make_layer(LocalActivationUnit, {}, INPUTS)
    one = layer(STATES[:1, :1], TARGET[:1])
    twice = layer(STATES[:1, [0, 0]], TARGET[:1])
    np.testing.assert_allclose(twice, np.repeat(one, 2, axis=1), rtol=1e-5)


def test_takes_the_mask_that_an_embedding_attaches():
    layer = helpers.make_layer(LocalActivationUnit, {}, INPUTS)
    states = keras.ops.convert_to_tensor(STATES)
    states._keras_mask = keras.ops.convert_to_tensor(MASK)
    np.testing.assert_allclose(layer(states, TARGET), layer(**INPUTS), rtol=1e-6)


def test_refuses_a_target_of_another_width():
    with pytest.raises(ValueError, match="as many units as `states`. Received: states_shape"):
        LocalActivationUnit()(STATES, TARGET[:, :4])


@pytest.mark.parametrize("hidden_units", [(), (4, 0)])
def test_refuses_sizes_that_are_not_positive(hidden_units: tuple[int, ...]):
    with pytest.raises(ValueError, match="one or more positive integers. Received: hidden_units="):
        LocalActivationUnit(hidden_units)


def test_several_hidden_layers_are_the_formula():
    layer = helpers.make_layer(LocalActivationUnit, {"hidden_units": [5, 3]}, INPUTS)
    target = np.broadcast_to(TARGET[:, None], STATES.shape)
    hidden = np.concatenate([STATES, target, STATES - target, STATES * target], axis=-1)
    for dense, activation in zip(layer.hidden_layers, layer.activations, strict=True):
        kernel, bias = dense.get_weights()
        hidden = hidden @ kernel + bias
        hidden = np.where(hidden > 0, hidden, activation.get_weights()[0] * hidden)
    kernel, bias = layer.weight.get_weights()
    expected = (hidden @ kernel + bias)[..., 0] * MASK
    np.testing.assert_allclose(layer(**INPUTS), expected, rtol=1e-5, atol=1e-6)


def test_one_sequence_for_all_targets():
    layer = helpers.make_layer(LocalActivationUnit, {}, INPUTS)
    one = layer(STATES[:1], TARGET, states_mask=MASK[:1])
    repeated = np.repeat(STATES[:1], len(TARGET), axis=0)
    each = layer(repeated, TARGET, states_mask=np.repeat(MASK[:1], len(TARGET), axis=0))
    np.testing.assert_allclose(one, each, rtol=1e-6)
