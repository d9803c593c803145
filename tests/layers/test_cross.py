import keras
import numpy as np
import pytest

from amer_tf.layers import Cross


def test_worked_out_by_hand():
    layer = Cross()
    first, states = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    layer(first, states)
    layer.set_weights([np.array([0.5, 1.0]), np.array([10.0, 20.0])])
    # x^T w = 1.5 - 1 = .5, so .5 x_0 + b + x.
    np.testing.assert_allclose(layer(first, states), [[13.5, 20.0]])


def test_one_layer_holds_all_squares():
    layer = Cross()
    inputs = np.array([[2.0, 3.0]])
    layer(inputs, inputs)
    layer.set_weights([np.array([1.0, 1.0]), np.zeros(2)])
    np.testing.assert_allclose(layer(inputs, inputs), [[2 * 5 + 2, 3 * 5 + 3]])


def test_refuses_other_widths():
    with pytest.raises(ValueError, match=r"as wide as `inputs`. Received: .*\(None, 3\)"):
        Cross()(keras.Input((2,)), keras.Input((3,)))
