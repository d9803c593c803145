import keras
import numpy as np
import pytest

from amer_tf.layers import SqueezeExcitation
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        SqueezeExcitation,
        config={},
        inputs={"features": STATES},
        output_shape=(4, 8),
        num_weights=3,
    )


def test_values_by_hand():
    # Q v = (1, 4); W1 swaps: (4, 1); W2 = -log 3 times the identity would overflow by hand, so
    # W2 takes (log 3) / 4 and -log 3: gates 3/4 and 1/4.
    layer = SqueezeExcitation()
    features = np.array([[[1.0, 9.0], [4.0, 8.0]]], "float32")
    layer.build(features.shape)
    log_3 = np.log(3.0)
    layer.set_weights(
        [
            np.array([[1.0], [0.0]]),
            np.array([[0.0, 1.0], [1.0, 0.0]]),
            np.array([[log_3 / 4, 0.0], [0.0, -log_3]]),
        ]
    )
    np.testing.assert_allclose(layer(features), [[0.75 + 1.0, 6.75 + 2.0]], rtol=1e-6)


def test_equals_numpy():
    layer = helpers.make_layer(SqueezeExcitation, {}, {"features": STATES})
    projection, squeeze, excite = layer.get_weights()
    hidden = np.maximum((STATES @ projection)[..., 0] @ squeeze, 0)
    gates = 1 / (1 + np.exp(-hidden @ excite))
    np.testing.assert_allclose(
        layer(STATES), (STATES * gates[..., None]).sum(axis=1), rtol=1e-5, atol=1e-6
    )


def test_starts_as_xavier():
    layer = SqueezeExcitation()
    layer.build((None, 400, 8))
    for weight in (layer.squeeze, layer.excite):
        assert np.abs(weight).max() <= np.sqrt(6 / 800)
        assert np.std(weight) == pytest.approx(np.sqrt(2 / 800), rel=0.05)


def test_refuses_an_unknown_number_of_features():
    with pytest.raises(ValueError, match="needs a known number of features. Received: .*None"):
        SqueezeExcitation()(keras.Input((None, 8)))
