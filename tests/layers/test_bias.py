import keras
import numpy as np
import pytest

from amer_tf.layers import Bias
from tests import helpers
from tests.conformance.descriptions import TARGET


def test_layer_contract():
    helpers.check_layer(
        Bias, config={}, inputs={"inputs": TARGET}, output_shape=TARGET.shape, num_weights=1
    )


def test_values_by_hand():
    layer = Bias()
    inputs = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    np.testing.assert_array_equal(layer(inputs), inputs)  # starts at zero
    layer.set_weights([np.array([0.5, -1.0])])
    np.testing.assert_array_equal(layer(inputs), [[1.5, 1.0], [3.5, 3.0]])


def test_refuses_an_unknown_width():
    with pytest.raises(ValueError, match="`Bias` must be known when it is built. Received: "):
        Bias()(keras.Input((None,)))
