"""SR-GNN: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.models import sr_gnn
from amer_tf.models.next_item import NextItemNetwork
from tests.layers.test_gated_graph import over_nodes
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
    system = sr_gnn


class TestContractOfTwoRounds(NextItemContract):
    system = sr_gnn
    options: ClassVar = {"num_rounds": 2}


@pytest.mark.parametrize("contract", [TestContract(), TestContractOfTwoRounds()])
def test_matches_numpy(contract):
    # The third history has an item three times, twice of them in a row.
    network = contract.network()
    model = network.model
    found = np.asarray(network.query({"history_item_id": HISTORIES}))
    kernel, context_kernel, score_kernel, bias = weights(model, "attention")
    graph = model.get_layer("amer.gated_graph")
    for query, history in zip(found, HISTORIES, strict=True):
        history = history[history > 0]
        states = over_nodes(graph, embed(model, history), history, graph.num_rounds)
        hidden = sigmoid(states @ kernel + states[-1] @ context_kernel + bias)
        session = (hidden @ score_kernel * states).sum(axis=0)
        expected = np.concatenate([states[-1], session]) @ weights(model, "query")[0]
        np.testing.assert_allclose(query, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_learns_the_successor():
    spec = make_spec()
    network = NextItemNetwork(sr_gnn.build(spec, embedding_dim=16, dropout=0.1), spec)
    assert train_on_walks(network, epochs=25, learning_rate=0.02) > 0.9


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="`num_rounds` must be a positive integer.*num_rounds=0"):
        sr_gnn.build(make_spec(), embedding_dim=UNITS, num_rounds=0)
