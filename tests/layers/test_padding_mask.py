import numpy as np

from amer_tf.layers import PaddingMask
from tests import helpers

IDS = np.array([[[3, 1], [0, 0]], [[0, 2], [1, 0]]], "int32")


def test_layer_contract():
    helpers.check_layer(
        PaddingMask,
        config={},
        inputs={"ids": IDS},
        output_shape=(2, 2, 2),
        num_weights=0,
        gradient=False,
    )


def test_padding_alone_is_false():
    expected = [[[True, True], [False, False]], [[False, True], [True, False]]]
    np.testing.assert_array_equal(PaddingMask()(IDS), expected)
