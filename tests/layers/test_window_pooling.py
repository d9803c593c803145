import numpy as np
import pytest

from amer_tf.layers import WindowPooling
from tests import helpers
from tests.conformance.descriptions import MASK, STATES

NUMBERS = np.array([[[-4.0], [-2.0], [-6.0], [-1.0]]], "float32")


@pytest.mark.parametrize("mode", ["average", "max"])
def test_layer_contract(mode: str):
    helpers.check_layer(
        WindowPooling,
        config={"mode": mode, "size": 3},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=0,
    )


@pytest.mark.parametrize(
    ("mode", "valid", "expected"),
    [
        ("average", [1, 1, 1, 1], [-3.0, -4.0, -3.0, -3.5]),
        ("average", [1, 1, 0, 0], [-3.0, -3.0, 0.0, 0.0]),
        ("average", [0, 1, 0, 1], [0.0, -2.0, 0.0, -1.0]),
        ("max", [1, 1, 1, 1], [-2.0, -2.0, -1.0, -1.0]),
        ("max", [1, 0, 1, 1], [-4.0, 0.0, -1.0, -1.0]),
        ("max", [0, 0, 0, 0], [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_values_by_hand(mode: str, valid: list[int], expected: list[float]):
    pooled = WindowPooling(mode)(NUMBERS, mask=np.array([valid], bool))
    np.testing.assert_allclose(pooled[0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("mode", "valid", "expected"),
    [
        ("average", [1, 1, 1, 1], [-4.0, -3.0, -4.0, -3.0]),
        ("average", [0, 1, 0, 1], [0.0, -2.0, 0.0, -1.5]),
        ("max", [1, 1, 1, 1], [-4.0, -2.0, -2.0, -1.0]),
        ("max", [1, 0, 1, 1], [-4.0, 0.0, -4.0, -1.0]),
    ],
)
def test_causal_values_by_hand(mode: str, valid: list[int], expected: list[float]):
    pooled = WindowPooling(mode, causal=True)(NUMBERS, mask=np.array([valid], bool))
    np.testing.assert_allclose(pooled[0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["average", "max"])
def test_no_mask_means_that_every_step_is_valid(mode: str):
    layer = WindowPooling(mode, size=5)
    np.testing.assert_array_equal(layer(STATES), layer(STATES, mask=np.ones_like(MASK)))


def test_size_five():
    averaged = WindowPooling("average", size=5)(NUMBERS)
    np.testing.assert_allclose(averaged[0, :, 0], [-4.0, -13 / 4, -13 / 4, -3.0], rtol=1e-6)
    averaged = WindowPooling("average", size=5, causal=True)(NUMBERS)
    np.testing.assert_allclose(averaged[0, :, 0], [-4.0, -3.0, -4.0, -13 / 4], rtol=1e-6)


def test_refuses_an_unknown_mode():
    with pytest.raises(
        ValueError, match="`mode` must be one of average, max. Received: mode='sum'"
    ):
        WindowPooling("sum")


@pytest.mark.parametrize("size", [0, 2])
def test_refuses_a_size_that_has_no_middle(size: int):
    with pytest.raises(ValueError, match=f"must be a positive odd integer. Received: size={size}"):
        WindowPooling("max", size=size)
