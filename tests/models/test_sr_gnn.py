"""SR-GNN: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.models import sr_gnn
from tests.layers.test_gated_graph import over_nodes
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
    system = sr_gnn

    def expected(self, model, history):
        # The third history has an item three times, twice of them in a row.
        graph = model.get_layer("amer.gated_graph")
        states = over_nodes(graph, embed(model, history), history, graph.num_rounds)
        kernel, context_kernel, score_kernel, bias = weights(model, "attention")
        hidden = sigmoid(states @ kernel + states[-1] @ context_kernel + bias)
        session = (hidden @ score_kernel * states).sum(axis=0)
        return np.concatenate([states[-1], session]) @ weights(model, "query")[0]


class TestContractOfTwoRounds(TestContract):
    options: ClassVar = {"num_rounds": 2}


@pytest.mark.slow
def test_learns_the_successor():
    assert successor_accuracy(sr_gnn, epochs=25) > 0.9


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="`num_rounds` must be a positive integer.*num_rounds=0"):
        sr_gnn.build(make_spec(), embedding_dim=UNITS, num_rounds=0)
