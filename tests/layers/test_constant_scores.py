import numpy as np
import pytest

from amer_tf.layers import ConstantScores
from tests import helpers


def test_layer_contract():
    helpers.check_layer(
        ConstantScores,
        config={"num_scores": 3},
        inputs={"inputs": np.zeros((2, 4), "int32")},
        output_shape=(2, 3),
        num_weights=1,
        gradient=False,
    )


def test_each_row_has_the_same_scores():
    layer = ConstantScores(num_scores=3)
    layer(np.zeros((2, 4)))
    layer.set_weights([np.array([1.0, 5.0, 2.0])])
    np.testing.assert_array_equal(layer(np.arange(8).reshape(2, 4)), [[1.0, 5.0, 2.0]] * 2)


def test_refuses_no_scores():
    with pytest.raises(ValueError, match="must be positive. Received: num_scores=0"):
        ConstantScores(num_scores=0)
