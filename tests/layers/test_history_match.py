import numpy as np
import pytest

from amer_tf.layers import HistoryMatch
from tests import helpers

HISTORY = np.array([[5, 2, 5, 1], [1, 1, 2, 0], [5, 5, 0, 0], [0, 0, 0, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)


def test_layer_contract():
    helpers.check_layer(
        HistoryMatch,
        config={},
        inputs={"history": HISTORY, "target": np.array([5, 1, 2, 0]), "history_mask": MASK},
        output_shape=(4, 2),
        num_weights=0,
        gradient=False,
    )


def test_by_hand():
    # Twice, the last one event ago; an unknown value; never; no history.
    found = HistoryMatch()(HISTORY, np.array([5, 1, 2, 0]), MASK)
    expected = [[np.log(3), 1 / 2], [0, 0], [0, 0], [0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sets_match_where_they_share_a_value():
    history = np.array([[[3, 4], [4, 0], [9, 0]], [[3, 1], [0, 0], [0, 0]]])
    mask = np.array([[1, 1, 1], [1, 0, 0]], bool)
    found = HistoryMatch()(history, np.array([[4, 0], [1, 9]]), mask)
    np.testing.assert_allclose(found, [[np.log(3), 1 / 2], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 0), (1, 2)])
def test_padding_changes_nothing(before: int, after: int):
    target = np.array([5, 1, 2, 0])
    padded = [np.pad(array, [(0, 0), (before, after)]) for array in (HISTORY, MASK)]
    found = HistoryMatch()(padded[0], target, padded[1])
    np.testing.assert_array_equal(found, HistoryMatch()(HISTORY, target, MASK))


def test_one_history_for_many_targets():
    targets = np.array([5, 2, 9])
    found = HistoryMatch()(HISTORY[:1], targets, MASK[:1])
    repeated = HistoryMatch()(np.repeat(HISTORY[:1], 3, 0), targets, np.repeat(MASK[:1], 3, 0))
    np.testing.assert_array_equal(found, repeated)
