import numpy as np
import pytest

from amer_tf.layers import LastPooling, RunningSum, SumPooling
from tests import helpers
from tests.conformance.descriptions import MASK, POOLED, STATES

# Two steps of noise before, between and after two valid ones.
NUMBERS = np.array([[[9.0], [1.0], [9.0], [2.0], [9.0]]], "float32")
HOLES = np.array([[False, True, False, True, False]])


@pytest.mark.parametrize("cls", [SumPooling, LastPooling])
def test_layer_contract(cls: type):
    helpers.check_layer(
        cls,
        config={},
        inputs={"states": STATES, "mask": MASK},
        output_shape=POOLED.shape,
        num_weights=0,
    )


def test_values_by_hand():
    np.testing.assert_array_equal(SumPooling()(NUMBERS, mask=HOLES), [[3.0]])
    np.testing.assert_array_equal(LastPooling()(NUMBERS, mask=HOLES), [[2.0]])
    np.testing.assert_array_equal(SumPooling()(NUMBERS), [[30.0]])
    np.testing.assert_array_equal(LastPooling()(NUMBERS), [[9.0]])


def test_a_running_sum_is_what_the_sum_was_when_the_step_was_the_newest():
    summed = RunningSum()(NUMBERS, mask=HOLES)
    np.testing.assert_array_equal(summed[0, :, 0], [0.0, 1.0, 0.0, 3.0, 0.0])
    np.testing.assert_array_equal(RunningSum()(NUMBERS)[0, :, 0], [9.0, 10.0, 19.0, 21.0, 30.0])
    paths = np.stack([STATES, -STATES])
    found = RunningSum()(paths, mask=MASK[None])
    for step in range(STATES.shape[1]):
        until = MASK[None] & (np.arange(STATES.shape[1]) <= step)
        expected = SumPooling()(paths, mask=until) * MASK[:, step, None]
        np.testing.assert_allclose(found[:, :, step], expected, atol=1e-6)


@pytest.mark.parametrize("cls", [SumPooling, LastPooling])
def test_no_valid_step_gives_zeros(cls: type):
    np.testing.assert_array_equal(cls()(NUMBERS, mask=np.zeros_like(HOLES)), [[0.0]])


@pytest.mark.parametrize("cls", [SumPooling, LastPooling])
@pytest.mark.parametrize("shared_mask", [False, True])
def test_leading_axes(cls: type, shared_mask: bool):
    paths = np.stack([STATES, STATES[::-1], -STATES])
    masks = MASK[None] if shared_mask else np.stack([MASK, MASK[::-1], MASK])
    pooled = cls()(paths, mask=masks)
    assert pooled.shape == (3, *POOLED.shape)
    for index in range(3):
        expected = cls()(paths[index], mask=masks[0 if shared_mask else index])
        np.testing.assert_allclose(pooled[index], expected, atol=1e-6)
