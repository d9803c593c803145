"""Ranking metrics against brute force over all tie-breakings, scikit-learn and keras-rs."""

import itertools

import keras_rs
import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from amer_tf.training import ranking_metrics

NAMES = ("hr@1", "hr@5", "ndcg@1", "ndcg@5", "ndcg@10", "mrr")


def of_rank(name, rank):
    if name == "mrr":
        return 1 / (rank + 1)
    kind, k = name.split("@")
    gain = 1 / np.log2(rank + 2) if kind == "ndcg" else 1.0
    return gain if rank < int(k) else 0.0


def brute_force(name, scores):
    """Mean over every order of the candidates; a stable sort then breaks the ties."""
    values = []
    for order in itertools.permutations(range(len(scores))):
        ranked = sorted(order, key=lambda item: -scores[item])
        values.append(of_rank(name, ranked.index(0)))
    return np.mean(values)


def counts(scores):
    return [sum(s > scores[0] for s in scores[1:])], [sum(s == scores[0] for s in scores[1:])]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "scores", [(3, 1, 2, 0), (1, 1, 1, 1, 1, 1), (1, 2, 1, 1, 0, 3), (0, 1, 1, 0), (5,), (0, 1)]
)
def test_equals_the_mean_over_all_tie_breakings(name, scores):
    (value,) = ranking_metrics.per_user(name, *counts(scores))
    assert value == pytest.approx(brute_force(name, scores), rel=1e-12)


def test_constant_scores_give_chance():
    # 1 true item and 100 others, all tied: the true item is at each of 101 ranks equally often.
    value, _ = ranking_metrics.metric("hr@5", np.zeros(7), np.full(7, 100))
    assert value == pytest.approx(5 / 101)
    value, _ = ranking_metrics.metric("mrr", np.zeros(7), np.full(7, 100))
    assert value == pytest.approx(np.mean(1 / np.arange(1, 102)))


def test_hand_values():
    # Ranks 0, 1 and 7.
    greater, ties = np.array([0, 1, 7]), np.zeros(3)
    expected = {
        "hr@1": 1 / 3,
        "hr@5": 2 / 3,
        "hr@10": 1.0,
        "ndcg@5": (1 + 1 / np.log2(3)) / 3,
        "ndcg@10": (1 + 1 / np.log2(3) + 1 / np.log2(9)) / 3,
        "mrr": (1 + 1 / 2 + 1 / 8) / 3,
    }
    assert set(ranking_metrics.names((1, 5, 10))) == set(expected)
    for name, value in expected.items():
        assert ranking_metrics.metric(name, greater, ties).value == pytest.approx(value)


@pytest.fixture
def scored():
    """Scores with many ties, `(users, candidates)`, the true item first; and their counts."""
    scores = np.random.default_rng(0).integers(0, 12, size=(50, 20))
    return (
        scores,
        (scores[:, 1:] > scores[:, :1]).sum(axis=1),
        (scores[:, 1:] == scores[:, :1]).sum(axis=1),
    )


@pytest.mark.parametrize("k", [1, 5, 10])
def test_equals_scikit_learn(scored, k):
    # Its ndcg_score averages over ties too.
    scores, greater, ties = scored
    relevant = np.zeros_like(scores)
    relevant[:, 0] = 1
    expected = ndcg_score(relevant, scores, k=k)
    assert ranking_metrics.metric(f"ndcg@{k}", greater, ties).value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("ndcg@5", keras_rs.metrics.NDCG(k=5)),
        ("mrr", keras_rs.metrics.MeanReciprocalRank()),
        ("hr@5", keras_rs.metrics.RecallAtK(k=5)),
    ],
)
def test_equals_keras_rs_without_ties(name, reference):
    scores = np.random.default_rng(1).normal(size=(40, 20)).astype("float32")
    relevant = np.zeros_like(scores)
    relevant[:, 0] = 1
    greater = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
    value = ranking_metrics.metric(name, greater, np.zeros(40)).value
    assert value == pytest.approx(float(reference(relevant, scores)), rel=1e-5)


def test_rows_of_weight_zero_do_not_count(scored):
    _, greater, ties = scored
    weights = np.arange(50) < 30
    padded = ranking_metrics.metric("ndcg@5", greater, ties, weights)
    assert padded == ranking_metrics.metric("ndcg@5", greater[:30], ties[:30])


def test_standard_error_is_that_of_a_mean(scored):
    _, greater, ties = scored
    values = ranking_metrics.per_user("mrr", greater, ties)
    expected = values.std(ddof=1) / np.sqrt(50)
    assert ranking_metrics.metric("mrr", greater, ties).standard_error == pytest.approx(expected)


def test_standard_error_covers_the_truth():
    # 95 % of intervals of two errors; ranks uniform on 0 ... 9, so HR@5 is 1/2.
    ranks = np.random.default_rng(0).integers(0, 10, size=(2000, 100))
    estimates = [ranking_metrics.metric("hr@5", row, np.zeros(100)) for row in ranks]
    covered = np.mean([abs(value - 0.5) < 1.96 * error for value, error in estimates])
    assert 0.92 < covered < 0.97


def test_one_user_has_no_error():
    value, error = ranking_metrics.metric("hr@1", [0], [0])
    assert value == 1.0
    assert error is None


@pytest.mark.parametrize("name", ["hr@0", "ndcg", "precision@5", "HR@5", "hr@5.5"])
def test_refuses_unknown_names(name):
    with pytest.raises(ValueError, match=rf"'hr@K', 'ndcg@K' or 'mrr'.*{name}"):
        ranking_metrics.metric(name, [0], [0])


def test_refuses_counts_that_do_not_fit():
    with pytest.raises(ValueError, match=r"greater.shape=\(2,\), ties.shape=\(3,\)"):
        ranking_metrics.metric("mrr", [0, 1], [0, 0, 0])


@pytest.mark.parametrize(("counts", "number"), [([], 0), ([1, 2], 2)])
def test_refuses_no_users(counts, number):
    with pytest.raises(ValueError, match=f"at least one user.*Received: {number} users"):
        ranking_metrics.metric("hr@1", counts, counts, np.zeros(number))
