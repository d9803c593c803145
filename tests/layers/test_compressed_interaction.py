import keras
import numpy as np
import pytest

from amer_tf.layers import CompressedInteraction, FactorizationMachine
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        CompressedInteraction,
        config={"sizes": [5, 3]},
        inputs={"fields": STATES},
        output_shape=(4, 8),
        num_weights=2,
    )


def test_values_by_hand():
    # x^1 = x_1 x_1 + 2 x_1 x_2 = (1, 4) + 2 (3, 8); x^2 = x^1 x_2 = (7, 20) (3, 4).
    fields = np.array([[[1.0, 2.0], [3.0, 4.0]]], "float32")
    layer = CompressedInteraction([1, 1])
    layer.build(fields.shape)
    layer.set_weights([np.array([[1.0, 2.0, 0.0, 0.0]]), np.array([[0.0, 1.0]])])
    np.testing.assert_allclose(layer(fields), [[27.0, 21.0 + 80.0]])


def test_equals_the_sums():
    layer = helpers.make_layer(CompressedInteraction, {"sizes": [5, 3]}, {"fields": STATES})
    states, expected = STATES, []
    for size, kernel in zip((5, 3), layer.get_weights(), strict=True):
        kernel = kernel.reshape(size, states.shape[1], STATES.shape[1])
        states = np.einsum("hij,bid,bjd->bhd", kernel, states, STATES)
        expected.append(states.sum(axis=-1))
    np.testing.assert_allclose(layer(STATES), np.concatenate(expected, axis=1), rtol=1e-4)


def test_one_row_of_ones_over_pairs_is_a_factorization_machine():
    layer = CompressedInteraction([1])
    layer.build(STATES.shape)
    layer.set_weights([np.triu(np.ones((6, 6)), 1).reshape(1, 36)])
    np.testing.assert_allclose(layer(STATES), FactorizationMachine()(STATES), atol=1e-4)


@pytest.mark.parametrize("sizes", [(), (3, 0)])
def test_refuses_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match=r"one or more positive integers. Received: sizes=\("):
        CompressedInteraction(sizes)


def test_refuses_an_unknown_number_of_fields():
    with pytest.raises(ValueError, match="needs a known number of fields. Received: .*None"):
        CompressedInteraction([2])(keras.Input((None, 8)))
