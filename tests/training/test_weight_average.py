from __future__ import annotations

import numpy as np

from amer_tf.training.weight_average import updated_average

FIRST = [np.array([1.0, 2.0], "float32"), np.array(3)]
SECOND = [np.array([5.0, 0.0], "float32"), np.array(4)]


def test_the_first_weights_are_the_average():
    for own, average in zip(FIRST, updated_average(None, FIRST, 0.75), strict=True):
        np.testing.assert_array_equal(average, own)


def test_floats_are_averaged_and_counts_are_not():
    [kernel, count] = updated_average(FIRST, SECOND, 0.75)
    np.testing.assert_array_equal(kernel, [2.0, 1.5])
    assert kernel.dtype == "float32"
    assert count == 4


def test_without_a_past():
    past = [np.full(2, np.nan, "float32"), np.array(3)]
    [kernel, _] = updated_average(past, SECOND, 0.0)
    np.testing.assert_array_equal(kernel, SECOND[0])
