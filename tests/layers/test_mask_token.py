import numpy as np
import pytest

from amer_tf.layers import MaskToken
from tests import helpers
from tests.conformance.descriptions import STATES

ASKED = np.array([[0, 1, 0, 0, 0, 0, 1], [0] * 6 + [1], [0] * 7, [1] * 7], bool)
INPUTS = {"states": STATES, "asked": ASKED}


def test_layer_contract():
    helpers.check_layer(MaskToken, config={}, inputs=INPUTS, output_shape=(4, 7, 8), num_weights=1)


def test_values():
    layer = helpers.make_layer(MaskToken, {}, INPUTS)
    (vector,) = layer.get_weights()
    found = np.asarray(layer(**INPUTS))
    longer = np.concatenate([STATES, np.zeros((4, 1, 8), "float32")], axis=1)
    np.testing.assert_array_equal(found[~ASKED], longer[~ASKED])
    np.testing.assert_array_equal(found[ASKED], np.tile(vector, (ASKED.sum(), 1)))


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="must be known when it is built. Received: states_shape"):
        MaskToken().build((None, 5, None), (None, 6))
