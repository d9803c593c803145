"""EASE against its definition, and on real data against known results."""

import numpy as np
import pytest

from amer_tf.models import ease
from amer_tf.models.ease import Ease

NUM_ROWS = 23  # padding, unknown and 21 items


@pytest.fixture
def events():
    generator = np.random.default_rng(0)
    return generator.integers(0, 40, size=300), generator.integers(1, NUM_ROWS, size=300)


def reference_weights(events, l2):
    binary = np.zeros((40, NUM_ROWS))
    binary[events] = 1.0
    binary = binary[:, 2:]
    inverse = np.linalg.inv(binary.T @ binary + l2 * np.eye(NUM_ROWS - 2))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


@pytest.mark.parametrize("block", [4, 1024])
def test_weights_equal_the_closed_form(events, block, monkeypatch):
    monkeypatch.setattr(ease, "_BLOCK", block)
    model = Ease(l2=5.0).fit(events, NUM_ROWS)
    one_item = np.arange(2, NUM_ROWS)[:, None]
    np.testing.assert_allclose(
        model.scores(one_item)[:, 2:], reference_weights(events, 5.0), rtol=1e-4, atol=1e-6
    )


def test_weights_are_optimal(events):
    # No change of an off-diagonal weight lowers the ridge loss.
    binary = np.zeros((40, NUM_ROWS))
    binary[events] = 1.0
    binary = binary[:, 2:]
    weights = Ease(l2=5.0).fit(events, NUM_ROWS).scores(np.arange(2, NUM_ROWS)[:, None])[:, 2:]
    gradient = binary.T @ (binary @ weights - binary) + 5.0 * weights
    np.fill_diagonal(gradient, 0.0)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)


def test_scores_sum_over_the_set_of_known_items(events):
    model = Ease(l2=5.0).fit(events, NUM_ROWS)
    weights = reference_weights(events, 5.0)
    histories = np.array([[3, 7, 3, 0, 1], [0, 0, 0, 0, 0]])
    scores = model.scores(histories)
    np.testing.assert_allclose(scores[0, 2:], weights[1] + weights[5], rtol=1e-4, atol=1e-6)
    assert not scores[1].any()
    assert not scores[:, :2].any()


def test_repeated_and_unknown_events_change_nothing(events):
    users, items = events
    again = np.concatenate([users, users[:50], [1, 2]]), np.concatenate([items, items[:50], [1, 0]])
    first, second = Ease().fit(events, NUM_ROWS), Ease().fit(again, NUM_ROWS)
    histories = np.arange(2, NUM_ROWS)[:, None]
    np.testing.assert_array_equal(first.scores(histories), second.scores(histories))


def test_refuses_bad_arguments(events):
    with pytest.raises(ValueError, match="positive number.*l2=0"):
        Ease(l2=0)
    with pytest.raises(ValueError, match="num_rows=10, item id 22"):
        Ease().fit(events, 10)
    with pytest.raises(RuntimeError, match="fitted"):
        Ease().scores(np.zeros((1, 1), int))
