import keras
import keras_rs
import numpy as np
import pytest

from amer_tf.layers import MatrixCross
from tests import helpers
from tests.conformance.descriptions import POOLED, TARGET


def test_layer_contract():
    helpers.check_layer(
        MatrixCross,
        config={},
        inputs={"inputs": TARGET, "states": POOLED},
        output_shape=TARGET.shape,
        num_weights=2,
    )


def test_worked_out_by_hand():
    layer = MatrixCross()
    first, states = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    layer(first, states)
    layer.set_weights([np.array([[0.5, 1.0], [1.0, 0.0]]), np.array([10.0, 20.0])])
    # x W = (.5, 3), so (1, 2) * (10.5, 23) + (3, -1).
    np.testing.assert_allclose(layer(first, states), [[13.5, 45.0]])


def test_equals_keras_rs():
    layer = helpers.make_layer(MatrixCross, {}, {"inputs": TARGET, "states": POOLED})
    reference = keras_rs.layers.FeatureCross()
    reference(TARGET, POOLED)
    reference.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(TARGET, POOLED), reference(TARGET, POOLED), rtol=1e-5)


def test_refuses_other_widths():
    with pytest.raises(ValueError, match=r"as wide as `inputs`. Received: .*\(None, 3\)"):
        MatrixCross()(keras.Input((2,)), keras.Input((3,)))


def test_refuses_an_unknown_width():
    with pytest.raises(ValueError, match="`MatrixCross` must be known when it is built"):
        MatrixCross()(keras.Input((None,)), keras.Input((None,)))
