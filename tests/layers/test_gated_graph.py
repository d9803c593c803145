import itertools

import numpy as np
import pytest

from amer_tf.layers import GatedGraph, SessionGraph
from tests import helpers
from tests.conformance.descriptions import STATES

IDS = np.array([[7, 3, 7, 3, 9, 8], [4, 4, 6, 0, 0, 0], [5, 0, 0, 0, 0, 0], [0] * 6], "int32")
GRAPH = {name: np.asarray(matrix) for name, matrix in SessionGraph()(IDS, IDS > 0).items()}
INPUTS = {"states": STATES, **GRAPH}


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def over_nodes(layer, states, ids, num_rounds):
    """The states of the steps, worked out over a dict of nodes and a list of edges."""
    edge_kernel, edge_bias, kernel, gate_kernel, candidate_kernel = layer.get_weights()
    units = states.shape[-1]
    nodes = {item: states[ids == item].mean(axis=0) for item in set(ids)}
    edges = list(itertools.pairwise(ids))
    for _ in range(num_rounds):
        new = {}
        for item, state in nodes.items():
            after = [nodes[end] @ edge_kernel[:, :units] for start, end in edges if start == item]
            before = [nodes[start] @ edge_kernel[:, units:] for start, end in edges if end == item]
            means = [
                np.mean(found, axis=0) if found else np.zeros(units) for found in (after, before)
            ]
            heard = (np.concatenate(means) + edge_bias) @ kernel
            update = sigmoid(heard[:units] + state @ gate_kernel[:, :units])
            reset = sigmoid(heard[units : 2 * units] + state @ gate_kernel[:, units:])
            candidate = np.tanh(heard[2 * units :] + (reset * state) @ candidate_kernel)
            new[item] = (1 - update) * state + update * candidate
        nodes = new
    return np.array([nodes[item] for item in ids])


def test_layer_contract():
    helpers.check_layer(
        GatedGraph,
        config={"num_rounds": 2},
        inputs=INPUTS,
        output_shape=STATES.shape,
        num_weights=5,
    )


@pytest.mark.parametrize("num_rounds", [1, 3])
def test_equals_a_network_over_nodes_and_edges(num_rounds: int):
    layer = helpers.make_layer(GatedGraph, {"num_rounds": num_rounds}, INPUTS)
    found = np.asarray(layer(**INPUTS))
    for row in range(3):
        length = (IDS[row] > 0).sum()
        expected = over_nodes(layer, STATES[row, :length], IDS[row, :length], num_rounds)
        np.testing.assert_allclose(found[row, :length], expected, rtol=1e-4, atol=1e-5)
        assert not found[row, length:].any()
    assert not found[3].any()


def test_steps_of_one_item_share_a_state():
    found = np.asarray(helpers.make_layer(GatedGraph, {}, INPUTS)(**INPUTS))
    np.testing.assert_allclose(found[0, 0], found[0, 2], rtol=1e-5)
    assert np.abs(found[0, 0] - found[0, 1]).max() > 1e-3


def test_refuses_what_is_not_positive():
    with pytest.raises(ValueError, match="`num_rounds` must be a positive integer.*num_rounds=0"):
        GatedGraph(0)


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="must be known when it is built. Received: states_shape"):
        GatedGraph().build((None, 5, None), *[(None, 5, 5)] * 3)
