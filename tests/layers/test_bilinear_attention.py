import keras
import numpy as np
import pytest

from amer_tf.layers import BilinearAttention
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, TARGET

INPUTS = {"states": STATES, "target": TARGET, "states_mask": MASK}


def test_layer_contract():
    helpers.check_layer(
        BilinearAttention, config={}, inputs=INPUTS, output_shape=MASK.shape, num_weights=1
    )


def test_values_by_hand():
    # t W = [2, 0]: scores 0, 2 log 2 and 2 log 3, weights 1:4:9.
    layer = BilinearAttention()
    states = np.array([[[0.0, 7.0], [np.log(2), -1.0], [np.log(3), 0.0]]], "float32")
    target = np.array([[1.0, 3.0, 0.0]], "float32")
    layer.build(states.shape, target.shape)
    layer.set_weights([np.array([[-1.0, 0.0], [1.0, 0.0], [5.0, 5.0]])])
    np.testing.assert_allclose(layer(states, target), [[1 / 14, 4 / 14, 9 / 14]], rtol=1e-6)
    mask = np.array([[True, False, True]])
    np.testing.assert_allclose(
        layer(states, target, states_mask=mask), [[0.1, 0.0, 0.9]], rtol=1e-6
    )


def test_weights_sum_to_one_where_there_is_a_step():
    weights = np.asarray(helpers.make_layer(BilinearAttention, {}, INPUTS)(**INPUTS))
    np.testing.assert_allclose(weights.sum(axis=1), [1, 1, 1, 0], atol=1e-6)
    np.testing.assert_array_equal(weights[~MASK], 0)


def test_takes_the_mask_that_an_embedding_attaches():
    layer = helpers.make_layer(BilinearAttention, {}, INPUTS)
    states = keras.ops.convert_to_tensor(STATES)
    states._keras_mask = keras.ops.convert_to_tensor(MASK)
    np.testing.assert_allclose(layer(states, TARGET), layer(**INPUTS), rtol=1e-6)


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="states of `BilinearAttention` must be known.*Received"):
        BilinearAttention().build((None, 5, None), (None, 5))
