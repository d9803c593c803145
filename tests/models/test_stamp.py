"""STAMP: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.models import stamp
from amer_tf.models.every_position import EveryPositionNetwork
from tests.models.next_item_contract import (
    UNITS,
    NextItemContract,
    embed,
    make_spec,
    sigmoid,
    successor_accuracy,
    weights,
)


class TestContract(NextItemContract):
    system = stamp

    def expected(self, model, history):
        events = embed(model, history)
        newest, mean = events[-1], events.mean(axis=0)
        kernel, context_kernel, score_kernel, bias = weights(model, "attention")
        hidden = events @ kernel + newest @ context_kernel[:UNITS] + mean @ context_kernel[UNITS:]
        attended = (sigmoid(hidden + bias) @ score_kernel * events).sum(axis=0)
        sides = []
        for name, values in (("general", attended), ("current", newest)):
            side_kernel, side_bias = weights(model, name)
            sides.append(np.tanh(values @ side_kernel + side_bias))
        return sides[0] * sides[1]


def test_is_not_causal():
    network = TestContract().network()
    with pytest.raises(ValueError, match=r"Only a causal model.*model\.name='stamp'"):
        EveryPositionNetwork(network.model, make_spec())


@pytest.mark.slow
def test_learns_the_successor():
    assert successor_accuracy(stamp, epochs=20) > 0.9
