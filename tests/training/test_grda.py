"""Gates by generalised regularised dual averaging, everything else by Adam."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.training.grda import GatedAdam, c_for
from amer_tf.training.row_sparse_adam import RowSparseAdam

START = np.array([0.6, -0.3, 0.1], "float32")
GRADIENTS = np.array([[0.5, 0.0, 0.4], [-1.0, 0.1, 0.1], [0.2, -0.1, -0.3]], "float32")


def variables():
    return (
        keras.Variable(START, name="gates"),
        keras.Variable(np.ones((2, 2), "float32"), name="kernel"),
    )


def run(optimizer, pair):
    optimizer.build(pair)
    values = []
    for gradient in GRADIENTS:
        optimizer.apply([gradient, np.full((2, 2), gradient[0], "float32")], pair)
        values.append(np.asarray(pair[0]))
    return np.stack(values)


@pytest.mark.parametrize(("rate", "c", "mu"), [(1.0, 0.05, 0.8), (0.25, 0.1, 0.6), (1.0, 0.0, 0.5)])
def test_gates_by_hand(rate: float, c: float, mu: float):
    gates, kernel = variables()
    optimizer = GatedAdam(0.01, gates=(gates.path,), gate_rate=rate, c=c, mu=mu)
    expected = []
    for step in (1, 2, 3):
        dual = START - rate * GRADIENTS[:step].sum(axis=0)
        threshold = c * np.sqrt(rate) * (step * rate) ** mu
        expected.append(np.sign(dual) * np.maximum(0, np.abs(dual) - threshold))
    np.testing.assert_allclose(run(optimizer, (gates, kernel)), expected, atol=1e-6)
    if c:
        assert not np.all(np.asarray(expected))  # some gates are closed


def test_numbers_of_one_gate():
    # v = .6 - .5 = .1, .1 + 1 = 1.1, 1.1 - .2 = .9; the threshold is n / 10 (mu nearly 1).
    gates, kernel = variables()
    optimizer = GatedAdam(0.01, gates=(gates.path,), c=0.1, mu=0.999999)
    np.testing.assert_allclose(run(optimizer, (gates, kernel))[:, 0], [0.0, 0.9, 0.6], atol=1e-5)


def test_all_else_is_as_with_adam():
    pair, others = variables(), variables()
    run(GatedAdam(0.01, gates=(pair[0].path,), c=0.1), pair)
    run(RowSparseAdam(0.01), others)
    np.testing.assert_array_equal(np.asarray(pair[1]), np.asarray(others[1]))
    assert np.abs(np.asarray(pair[0]) - np.asarray(others[0])).max() > 0.1


def test_a_gate_without_a_gradient_closes_after_so_many_steps():
    for rate in (1.0, 0.1):
        gate = keras.Variable(np.array([0.6], "float32"), name="gate")
        c = c_for(0.6, 10, gate_rate=rate, mu=0.8)
        optimizer = GatedAdam(0.01, gates=(gate.path,), gate_rate=rate, c=c, mu=0.8)
        optimizer.build([gate])
        values = []
        for _ in range(12):
            optimizer.apply([np.zeros(1, "float32")], [gate])
            values.append(float(np.asarray(gate)[0]))
        assert values[8] > 0.01
        assert abs(values[9]) < 1e-6
        assert values[10:] == [0.0, 0.0]
    # The authors' numbers: from .6 to zero within about seven thousand steps.
    assert c_for(0.6, 1200**1.25) == pytest.approx(5e-4, rel=1e-9)


def test_saved_as_its_configuration():
    optimizer = GatedAdam(0.02, gates=("gates",), gate_rate=0.5, c=0.1, mu=0.7, row_l2=0.3)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, GatedAdam)
    for name in ("gates", "gate_rate", "c", "mu", "row_l2"):
        assert getattr(again, name) == getattr(optimizer, name)


@pytest.mark.parametrize("values", [{"gate_rate": 0.0}, {"c": -1.0}, {"mu": 1.0}])
def test_arguments_that_make_no_sense(values):
    [(name, value)] = values.items()
    with pytest.raises(ValueError, match=f"`gate_rate` must be positive.*{name}={value}"):
        GatedAdam(**values)


def test_a_gate_that_is_no_variable():
    with pytest.raises(ValueError, match="among the variables .*Received: 'door'"):
        GatedAdam(gates=("door",)).build(list(variables()))
