import keras
import numpy as np
import pytest

from amer_tf.layers import ProductAttention
from tests import helpers
from tests.conformance.descriptions import POOLED, STATES


def test_layer_contract():
    helpers.check_layer(
        ProductAttention,
        config={"units": 5},
        inputs={"products": STATES},
        output_shape=POOLED.shape,
        num_weights=3,
    )


def test_values_by_hand():
    # relu(W p + b) = 3 - 1, 1 - 1 and relu(-1), so with h = log 2 the weights are 4 : 1 : 1.
    layer = ProductAttention(1)
    products = np.array([[[3.0, 6.0], [1.0, 12.0], [0.0, 18.0]]], "float32")
    layer.build(products.shape)
    layer.set_weights([np.array([[1.0], [0.0]]), np.array([-1.0]), np.log([[2.0]])])
    np.testing.assert_allclose(layer(products), [[13 / 6, 54 / 6]], rtol=1e-6)


def test_refuses_no_units():
    with pytest.raises(ValueError, match="must be a positive integer. Received: units=0"):
        ProductAttention(0)


def test_refuses_an_unknown_width():
    with pytest.raises(ValueError, match="`ProductAttention` must be known when it is built"):
        ProductAttention(2)(keras.Input((3, None)))
