import numpy as np
import pytest

from amer_tf.layers import SessionGraph
from tests import helpers

IDS = np.array([[7, 3, 7, 3, 9, 0], [4, 4, 6, 0, 0, 0], [5, 0, 0, 0, 0, 0], [0] * 6], "int32")


def test_layer_contract():
    helpers.check_layer(
        SessionGraph,
        config={},
        inputs={"ids": IDS, "valid": IDS > 0},
        output_shape=dict.fromkeys(("same", "outgoing", "incoming"), (4, 6, 6)),
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    # Edges 7-3 twice, 3-7 and 3-9: of those that leave 3 one half leads to each.
    graph = {name: np.asarray(matrix)[0] for name, matrix in SessionGraph()(IDS, IDS > 0).items()}
    seven, three, nine, none = (
        [0.5, 0, 0.5, 0, 0, 0],
        [0, 0.5, 0, 0.5, 0, 0],
        [0] * 4 + [1, 0],
        [0] * 6,
    )
    np.testing.assert_array_equal(graph["same"], [seven, three, seven, three, nine, none])
    after_three = [0, 0, 0.5, 0, 0.5, 0]
    expected = [three, after_three, three, after_three, none, none]
    np.testing.assert_array_equal(graph["outgoing"], expected)
    before_nine = [0, 0, 0, 1, 0, 0]
    before_three = seven
    before_seven = [0, 1, 0, 0, 0, 0]
    expected = [before_seven, before_three, before_seven, before_three, before_nine, none]
    np.testing.assert_array_equal(graph["incoming"], expected)


def test_an_item_twice_in_a_row_is_its_own_neighbour():
    graph = {name: np.asarray(matrix)[1] for name, matrix in SessionGraph()(IDS, IDS > 0).items()}
    np.testing.assert_array_equal(graph["outgoing"][0], [0, 0.5, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(graph["incoming"][0], [1, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 0), (1, 2)])
def test_padding_changes_nothing(before: int, after: int):
    longer = np.pad(IDS, [(0, 0), (before, after)])
    found = SessionGraph()(longer, longer > 0)
    for name, matrix in SessionGraph()(IDS, IDS > 0).items():
        inside = slice(before, before + 6)
        np.testing.assert_array_equal(found[name][:, inside, inside], matrix)
        assert np.sum(found[name]) == np.sum(matrix)
