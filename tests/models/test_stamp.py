"""STAMP: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.models import stamp
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from tests.models.next_item_contract import (
    HISTORIES,
    UNITS,
    NextItemContract,
    embed,
    make_spec,
    sigmoid,
    train_on_walks,
    weights,
)


class TestContract(NextItemContract):
    system = stamp


def test_matches_numpy():
    network = TestContract().network()
    model = network.model
    found = np.asarray(network.query({"history_item_id": HISTORIES}))
    kernel, context_kernel, score_kernel, bias = weights(model, "attention")
    for query, history in zip(found, HISTORIES, strict=True):
        events = embed(model, history[history > 0])
        newest, mean = events[-1], events.mean(axis=0)
        hidden = events @ kernel + newest @ context_kernel[:UNITS] + mean @ context_kernel[UNITS:]
        attended = (sigmoid(hidden + bias) @ score_kernel * events).sum(axis=0)
        sides = []
        for name, values in (("general", attended), ("current", newest)):
            side_kernel, side_bias = weights(model, name)
            sides.append(np.tanh(values @ side_kernel + side_bias))
        np.testing.assert_allclose(query, sides[0] * sides[1], rtol=1e-4, atol=1e-5)


def test_is_not_causal():
    network = TestContract().network()
    with pytest.raises(ValueError, match=r"Only a causal model.*model\.name='stamp'"):
        EveryPositionNetwork(network.model, make_spec())


@pytest.mark.slow
def test_learns_the_successor():
    spec = make_spec()
    network = NextItemNetwork(stamp.build(spec, embedding_dim=16, dropout=0.1), spec)
    assert train_on_walks(network, epochs=20, learning_rate=0.02) > 0.9
