import numpy as np
import pytest

from amer_tf.layers import NumberBuckets
from tests import helpers


def test_layer_contract():
    helpers.check_layer(
        NumberBuckets,
        config={"boundaries": [-0.5, 0.5]},
        inputs={"numbers": np.array([-1.0, -0.5, 0.0, 0.5, 2.0], "float32")},
        output_shape=(5,),
        num_weights=0,
        gradient=False,
    )


def test_a_boundary_opens_its_bucket():
    layer = NumberBuckets([-0.5, 0.0, 0.5])
    numbers = np.array([[-9.0, -0.5, -0.1], [0.0, 0.5, 9.0]], "float32")
    np.testing.assert_array_equal(layer(numbers), [[1, 2, 2], [3, 4, 4]])
    assert layer.num_rows == 5  # padding and four buckets


@pytest.mark.parametrize("boundaries", [[], [0.5, 0.5], [1.0, 0.0]])
def test_refuses_what_does_not_increase(boundaries):
    with pytest.raises(ValueError, match="increasing numbers. Received: boundaries="):
        NumberBuckets(boundaries)
