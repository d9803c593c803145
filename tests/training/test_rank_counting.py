"""Counts of candidates before the true item."""

import numpy as np
import pytest

from amer_tf.training.rank_counting import rank_candidates, rank_catalog, rank_counts

TRUE = np.array([[1.0], [1.0]])
OTHERS = np.array([[2.0, 1.0, 0.0, 1.0], [3.0, 2.0, 1.0, 5.0]])


def test_counts_by_hand():
    greater, ties = rank_counts(TRUE, OTHERS)
    np.testing.assert_array_equal(greater, [1, 3])
    np.testing.assert_array_equal(ties, [2, 1])


@pytest.mark.parametrize(("true", "other"), [(np.nan, 0.0), (0.0, np.nan), (np.nan, np.nan)])
def test_a_broken_score_ranks_last(true, other):
    greater, ties = rank_counts(np.array([[true]]), np.full((1, 5), other))
    assert (int(greater[0]), int(ties[0])) == (5, 0)


def test_the_catalog_competes_but_for_reserved_and_seen_items():
    # Rows: padding, unknown, items 2 ... 6. True item 4.
    scores = np.array([[9.0, 9.0, 5.0, 7.0, 3.0, 3.0, 1.0]], "float32")
    for seen, expected in (([0, 0], (2, 1)), ([3, 0], (1, 1)), ([3, 3], (1, 1)), ([5, 2], (1, 0))):
        greater, ties, finite = rank_catalog(scores, np.array([4]), np.array([seen]))
        assert (int(greater[0]), int(ties[0]), bool(finite[0])) == (*expected, True)


def test_the_first_candidate_is_ranked():
    scores = np.array([[2.0, 3.0, 2.0], [2.0, 3.0, 2.0]])
    greater, ties, _ = rank_candidates(scores, np.array([[5, 6, 7], [1, 6, 7]]))
    # The second user's item is unknown to the vocabulary.
    np.testing.assert_array_equal(greater, [1, 2])
    np.testing.assert_array_equal(ties, [1, 0])
