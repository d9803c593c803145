import numpy as np
import pytest

from amer_tf.layers import ItemItemScores
from tests import helpers

IDS = np.array([[2, 4, 2, 0], [1, 3, 0, 0], [0, 0, 0, 0], [4, 4, 4, 4]], "int32")


def test_layer_contract():
    helpers.check_layer(
        ItemItemScores,
        config={"num_items": 3},
        inputs={"ids": IDS},
        output_shape=(4, 5),
        num_weights=1,
        gradient=False,
    )


def test_each_known_item_counts_once():
    layer = ItemItemScores(num_items=3)
    layer(IDS)
    layer.set_weights([np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0], [5.0, 6.0, 0.0]])])
    # Items 2 and 4 are the first and the third row; padding and unknown have none.
    expected = [[0, 0, 5, 7, 2], [0, 0, 3, 0, 4], [0, 0, 0, 0, 0], [0, 0, 5, 6, 0]]
    np.testing.assert_array_equal(layer(IDS), expected)


def test_refuses_no_items():
    with pytest.raises(ValueError, match="must be positive. Received: num_items=0"):
        ItemItemScores(num_items=0)
