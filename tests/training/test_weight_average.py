from __future__ import annotations

import numpy as np

from amer_tf.training import weight_average
from amer_tf.training.weight_average import update_average

FIRST = [np.array([1.0, 2.0], "float32"), np.array(3)]
SECOND = [np.array([5.0, 0.0], "float32"), np.array(4)]


def averaged(first, second, decay):
    average = [value.copy() for value in first]
    update_average(average, second, decay)
    return average


def test_floats_are_averaged_and_counts_are_not():
    [kernel, count] = averaged(FIRST, SECOND, 0.75)
    np.testing.assert_array_equal(kernel, [2.0, 1.5])
    assert kernel.dtype == "float32"
    assert count == 4


def test_in_blocks(monkeypatch):
    monkeypatch.setattr(weight_average, "_BLOCK", 7)
    first, second = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    scalar = np.array(3.0, "float32")
    table, number = averaged([first, scalar], [second, scalar + 4], 0.75)
    np.testing.assert_allclose(table, 0.75 * first + 0.25 * second, rtol=1e-5)
    assert number == 4.0


def test_without_a_past():
    past = [np.full(2, np.nan, "float32"), np.array(3)]
    [kernel, _] = averaged(past, SECOND, 0.0)
    np.testing.assert_array_equal(kernel, SECOND[0])
