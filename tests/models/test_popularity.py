"""POP by hand, and on real data against known results."""

import numpy as np
import pytest

from amer_tf.models.popularity import Popularity

EVENTS = np.array([0, 0, 1, 1, 2]), np.array([2, 4, 4, 1, 4])


def test_scores_are_event_counts():
    scores = Popularity().fit(EVENTS, num_rows=6).scores(np.zeros((3, 7), int))
    np.testing.assert_array_equal(scores, [[0, 0, 1, 0, 3, 0]] * 3)


def test_refuses_ids_outside_the_vocabulary():
    with pytest.raises(ValueError, match="num_rows=4, item id 4"):
        Popularity().fit(EVENTS, num_rows=4)


def test_must_be_fitted():
    with pytest.raises(RuntimeError, match="fitted"):
        Popularity().scores(np.zeros((1, 1), int))
