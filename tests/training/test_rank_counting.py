"""Counts of candidates before the true item."""

import numpy as np
import pytest

from amer_tf.training.rank_counting import rank_counts

TRUE = np.array([[1.0], [1.0]])
OTHERS = np.array([[2.0, 1.0, 0.0, 1.0], [3.0, 2.0, 1.0, 5.0]])


def test_counts_by_hand():
    greater, ties = rank_counts(TRUE, OTHERS)
    np.testing.assert_array_equal(greater, [1, 3])
    np.testing.assert_array_equal(ties, [2, 1])


def test_excluded_items_do_not_compete():
    excluded = np.array([[True, True, False, False], [False, False, True, True]])
    greater, ties = rank_counts(TRUE, OTHERS, excluded)
    np.testing.assert_array_equal(greater, [0, 2])
    np.testing.assert_array_equal(ties, [1, 0])


@pytest.mark.parametrize(("true", "other"), [(np.nan, 0.0), (0.0, np.nan), (np.nan, np.nan)])
def test_a_broken_score_ranks_last(true, other):
    greater, ties = rank_counts(np.array([[true]]), np.full((1, 5), other))
    assert (int(greater[0]), int(ties[0])) == (5, 0)
