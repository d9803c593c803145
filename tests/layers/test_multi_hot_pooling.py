import numpy as np
import pytest

from amer_tf.layers import MultiHotPooling
from tests import helpers

EMBEDDINGS = np.arange(24, dtype="float32").reshape(2, 1, 3, 4)
MASK = np.array([[[True, True, False]], [[False, False, False]]])


@pytest.mark.parametrize("combiner", ["sum", "mean"])
def test_layer_contract(combiner: str):
    helpers.check_layer(
        MultiHotPooling,
        config={"combiner": combiner},
        inputs={"embeddings": EMBEDDINGS, "mask": MASK},
        output_shape=(2, 1, 4),
        num_weights=0,
    )


def test_values_by_hand():
    # Values (0, 1, 2, 3) and (4, 5, 6, 7); the third is padding; the second row has none.
    summed = MultiHotPooling()(EMBEDDINGS, mask=MASK)
    np.testing.assert_array_equal(summed[:, 0], [[4.0, 6.0, 8.0, 10.0], [0.0] * 4])
    mean = MultiHotPooling("mean")(EMBEDDINGS, mask=MASK)
    np.testing.assert_array_equal(mean[:, 0], [[2.0, 3.0, 4.0, 5.0], [0.0] * 4])


def test_without_a_mask_every_value_counts():
    np.testing.assert_array_equal(MultiHotPooling("sum")(EMBEDDINGS)[0, 0], [12, 15, 18, 21])
    np.testing.assert_array_equal(MultiHotPooling("mean")(EMBEDDINGS)[0, 0], [4, 5, 6, 7])


def test_refuses_an_unknown_combiner():
    with pytest.raises(ValueError, match="must be one of sum, mean. Received: combiner='max'"):
        MultiHotPooling("max")
