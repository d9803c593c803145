import numpy as np
import pytest

from amer_tf.layers import NewestSteps
from tests import helpers
from tests.conformance.descriptions import MASK, STATES


def test_layer_contract():
    helpers.check_layer(
        NewestSteps,
        config={"num_steps": 3},
        inputs={"states": STATES, "mask": MASK},
        output_shape=(4, 3, 8),
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    states = np.arange(1, 9, dtype="float32").reshape(2, 4, 1)
    mask = np.array([[True, True, True, False], [False, True, False, False]])
    newest = NewestSteps(2)(states, mask=mask)
    np.testing.assert_array_equal(newest[..., 0], [[2, 3], [0, 6]])
    np.testing.assert_array_equal(NewestSteps(2)(states)[..., 0], [[3, 4], [7, 8]])


def test_more_steps_than_there_are():
    newest = NewestSteps(5)(STATES[:, :2])
    np.testing.assert_array_equal(newest[:, :3], np.zeros((4, 3, 8)))
    np.testing.assert_array_equal(newest[:, 3:], STATES[:, :2])


def test_refuses_what_is_not_positive():
    with pytest.raises(ValueError, match="`num_steps` must be a positive integer.*num_steps=0"):
        NewestSteps(0)
