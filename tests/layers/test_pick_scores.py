import numpy as np

from amer_tf.layers import PickScores
from tests import helpers

SCORES = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")
IDS = np.array([[2, 0, 2, 1], [0, 0, 1, 2]], "int32")


def test_layer_contract():
    helpers.check_layer(
        PickScores,
        config={},
        inputs={"scores": SCORES, "ids": IDS},
        output_shape=(2, 4),
        num_weights=0,
        gradient=False,
    )


def test_scores_of_the_items_that_are_asked_for():
    np.testing.assert_array_equal(PickScores()(SCORES, IDS), [[3, 1, 3, 2], [4, 4, 5, 6]])
