from __future__ import annotations

import keras
import numpy as np

from amer_tf.training import variable_blocks
from amer_tf.training.weight_average import update_average


def test_floats_are_averaged_and_counts_are_not(monkeypatch):
    monkeypatch.setattr(variable_blocks, "_BLOCK_BYTES", 4)
    first = [np.array([[1.0], [2.0]], "float32"), np.array(1.0, "float32"), np.array(3, "int32")]
    second = [[[5.0], [0.0]], 3.0, 4]
    average = [value.copy() for value in first]
    variables = [
        keras.Variable(value, dtype=past.dtype.name)
        for value, past in zip(second, first, strict=True)
    ]
    update_average(average, variables, 0.75)
    kernel, scale, count = average
    np.testing.assert_array_equal(kernel, [[2.0], [1.5]])
    assert kernel.dtype == "float32"
    assert scale == 1.5
    assert count == 4
    np.testing.assert_array_equal(variables[0], second[0])
