import numpy as np

from amer_tf.layers import Zero
from tests import helpers
from tests.conformance.descriptions import MASK, STATES


def test_layer_contract():
    helpers.check_layer(
        Zero,
        config={},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=0,
    )


def test_gives_zeros():
    np.testing.assert_array_equal(Zero()(STATES), np.zeros_like(STATES))
