import keras
import numpy as np
import pytest

from amer_tf.layers import HadamardProducts
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        HadamardProducts,
        config={"interactions": [[0, 1], [2, 3, 4, 5]]},
        inputs={"embeddings": STATES},
        output_shape=(4, 2, 8),
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    embeddings = np.array([[[2.0, 3.0], [5.0, 7.0], [-1.0, 0.0]]], "float32")
    products = HadamardProducts([(0, 1), (0, 1, 2), (1,), (2, 0)])(embeddings)
    np.testing.assert_array_equal(products, [[[10, 21], [-10, 0], [5, 7], [-2, 0]]])


def test_the_order_of_a_group_does_not_count():
    one, other = (HadamardProducts([group])(STATES) for group in ((0, 2, 5), (5, 0, 2)))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_gradient_with_zeros():
    # d(a b c)/da = b c, also where a is 0.
    tf = pytest.importorskip("tensorflow")
    embeddings = tf.constant([[[0.0], [2.0], [3.0]]])
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        product = HadamardProducts([(0, 1, 2)])(embeddings)
    np.testing.assert_array_equal(tape.gradient(product, embeddings), [[[6.0], [0.0], [0.0]]])


def test_leading_axes():
    stacked = HadamardProducts([(1, 3)])(np.stack([STATES, 2 * STATES]))
    np.testing.assert_allclose(stacked[1], 4 * stacked[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("interactions", "message"),
    [
        ([], r"must hold at least one group of positions. Received: interactions=\[\]"),
        ([(0, 1), ()], r"one or more different positions.*interactions\[1\]=\(\)"),
        ([(2, 2)], r"different positions of fields. Received: interactions\[0\]=\(2, 2\)"),
        ([(-1, 2)], r"Received: interactions\[0\]=\(-1, 2\)"),
    ],
)
def test_refuses(interactions: list[tuple[int, ...]], message: str):
    with pytest.raises(ValueError, match=message):
        HadamardProducts(interactions)


def test_refuses_a_position_that_no_field_has():
    with pytest.raises(ValueError, match=r"positions of 3 fields. Received: interactions\[0\]"):
        HadamardProducts([(0, 3)])(keras.Input((3, 2)))
