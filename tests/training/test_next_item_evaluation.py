"""Evaluation against brute force, in every mode; what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.training import evaluation_batches, item_vectors, ranking_metrics
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.next_item_evaluation import NextItemEvaluator, evaluate, evaluate_scores
from tests.training.small_split import NUM_ITEMS, SmallNetwork, SmallSplit

NAMES = {"hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr"}


def competitors(split, mode, user):
    if isinstance(mode, np.ndarray):
        return mode[user, 1:]
    if mode == "full":
        had = {*split.histories[user].tolist(), int(split.targets[user])}
        return np.array([item for item in range(2, NUM_ITEMS) if item not in had])
    return split.negatives(mode, 7, seed=3)[user]


def brute_force(split, mode, scores):
    greater, ties = [], []
    for user, target in enumerate(split.targets):
        others = scores[user, competitors(split, mode, user)]
        greater.append((others > scores[user, target]).sum())
        ties.append((others == scores[user, target]).sum())
    return {name: ranking_metrics.metric(name, greater, ties) for name in NAMES}


def lists_of(split):
    negatives = split.negatives("uniform", 12, seed=9)
    return np.concatenate([split.targets[:, None], negatives], axis=1)


@pytest.fixture(params=["uniform", "popular", "full", "file"])
def mode(request):
    return lists_of(SmallSplit()) if request.param == "file" else request.param


@pytest.mark.parametrize("batch_size", [8, 23, 512])
def test_equals_brute_force(mode, batch_size):
    split, network = SmallSplit(), SmallNetwork()
    found = evaluate(
        network,
        split,
        num_items=NUM_ITEMS,
        candidates=mode,
        num_negatives=7,
        seed=3,
        batch_size=batch_size,
    )
    expected = brute_force(split, mode, network.scores(split))
    for name in NAMES:
        assert found[name] == pytest.approx(expected[name].value), name
        assert found["standard_errors"][name] == pytest.approx(expected[name].standard_error)
    assert found["count"] == 23


def test_memory_bound_does_not_change_the_result(mode, monkeypatch):
    split, network = SmallSplit(), SmallNetwork()
    expected = evaluate(network, split, num_items=NUM_ITEMS, candidates=mode, num_negatives=7)
    monkeypatch.setattr(evaluation_batches, "_MAX_BYTES", 3 * 4 * NUM_ITEMS)
    monkeypatch.setattr(item_vectors, "_ROWS_PER_CALL", 5)
    found = evaluate(network, split, num_items=NUM_ITEMS, candidates=mode, num_negatives=7)
    assert found == expected


def test_constant_scores_give_chance(mode):
    found = evaluate(
        SmallNetwork(np.zeros((NUM_ITEMS, 3))),
        SmallSplit(),
        num_items=NUM_ITEMS,
        candidates=mode,
        num_negatives=7,
    )
    split = SmallSplit()
    chances = [1 / (1 + len(competitors(split, mode, user))) for user in range(23)]
    assert found["hr@1"] == pytest.approx(np.mean(chances))


def test_says_what_was_ranked():
    split, network = SmallSplit(), SmallNetwork()
    evaluator = NextItemEvaluator(network, NUM_ITEMS)
    uniform = evaluator.evaluate(split, num_negatives=7, seed=3, ks=(1, 20))
    assert set(uniform) - {"hr@1", "hr@20", "ndcg@20", "mrr"} == {
        "standard_errors",
        "count",
        "mode",
        "num_negatives",
        "seed",
        "digest",
    }
    assert (uniform["mode"], uniform["num_negatives"], uniform["seed"]) == ("uniform", 7, 3)
    assert uniform["digest"] == split.candidates_hash("uniform", 7, 3)
    full = evaluator.evaluate(split, candidates="full")
    assert (full["mode"], full["num_negatives"], full["digest"]) == ("full", None, None)
    lists = evaluator.evaluate(split, candidates=lists_of(split))
    assert (lists["mode"], lists["num_negatives"], lists["seed"]) == ("file", 12, None)
    assert lists["digest"] != uniform["digest"]


def test_one_user_has_no_standard_error():
    found = evaluate(SmallNetwork(), SmallSplit(1), num_items=NUM_ITEMS, num_negatives=7)
    assert found["count"] == 1
    assert set(found["standard_errors"].values()) == {None}


def test_evaluator_sees_weights_that_changed():
    split, network = SmallSplit(), SmallNetwork()
    variable = tf.Variable(network.table)
    network.table = variable
    evaluator = NextItemEvaluator(network, NUM_ITEMS)
    before = evaluator.evaluate(split, candidates="full")
    variable.assign(np.zeros((NUM_ITEMS, 3)))
    after = evaluator.evaluate(split, candidates="full")
    chances = [1 / (1 + len(competitors(split, "full", user))) for user in range(23)]
    assert after["hr@1"] == pytest.approx(np.mean(chances))
    assert before["hr@1"] != after["hr@1"]


def test_an_item_the_vocabulary_does_not_know_ranks_last(mode):
    if isinstance(mode, np.ndarray):
        mode = mode.copy()
        mode[:, 0] = 1
    table = np.zeros((NUM_ITEMS, 1))
    table[1] = 100.0
    split, network = SmallSplit(targets=1), SmallNetwork(table)
    found = evaluate(network, split, num_items=NUM_ITEMS, candidates=mode, num_negatives=7)
    assert found["hr@5"] == 0.0
    others = [len(competitors(split, mode, user)) for user in range(23)]
    if isinstance(mode, str) and mode != "full":
        others = [7] * 23
    assert found["mrr"] == pytest.approx(np.mean([1 / (1 + count) for count in others]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_scores_that_are_not_finite(mode, value):
    table = np.ones((NUM_ITEMS, 1))
    split = SmallSplit()
    table[split.targets[10]] = value
    with pytest.raises(EvaluationError, match=r"must be finite.*NaN or infinite scores for"):
        evaluate(SmallNetwork(table), split, num_items=NUM_ITEMS, candidates=mode, num_negatives=7)


def test_names_the_user_of_a_broken_score():
    split, network = SmallSplit(), SmallNetwork()
    scores = network.scores(split)
    scores[17] = np.nan
    order = iter(range(0, 23, 8))

    def score_function(histories):
        start = next(order)
        rows = scores[start : start + 8]
        return np.concatenate([rows, np.zeros((len(histories) - len(rows), NUM_ITEMS))])

    with pytest.raises(EvaluationError, match="for 1 users of batch 2, first for user 17"):
        evaluate_scores(
            score_function, split, history_field="history_item_id", num_negatives=7, batch_size=8
        )


def test_score_functions_are_evaluated_alike(mode):
    split, network = SmallSplit(), SmallNetwork()
    by_history = {
        frozenset(history.tolist()): scores
        for history, scores in zip(split.histories, network.scores(split), strict=True)
    }
    by_history[frozenset()] = np.zeros(NUM_ITEMS)  # padded rows

    def score_function(histories):
        return np.array([by_history[frozenset(row[row > 0].tolist())] for row in histories])

    arguments = {"candidates": mode, "num_negatives": 7, "seed": 3, "batch_size": 8}
    found = evaluate_scores(score_function, split, history_field="history_item_id", **arguments)
    assert found == evaluate(network, split, num_items=NUM_ITEMS, **arguments)


def test_score_functions_score_no_more_users_than_fit(mode, monkeypatch):
    split, network = SmallSplit(), SmallNetwork()
    sizes = []

    def score_function(histories):
        sizes.append(len(histories))
        return histories.sum(axis=1, keepdims=True) * network.table.numpy()[:, 0]

    arguments = {"history_field": "history_item_id", "candidates": mode, "num_negatives": 7}
    expected = evaluate_scores(score_function, split, **arguments)
    assert set(sizes) == {23}
    sizes.clear()
    monkeypatch.setattr(evaluation_batches, "_MAX_BYTES", 3 * 4 * NUM_ITEMS)
    found = evaluate_scores(score_function, split, num_items=NUM_ITEMS, **arguments)
    assert set(sizes) == {3}
    assert found == expected


def test_refuses_scores_of_another_shape():
    with pytest.raises(EvaluationError, match=r"one row of scores a user, 23.*shape=\(3, 42\)"):
        evaluate_scores(
            lambda histories: np.zeros((3, NUM_ITEMS)),
            SmallSplit(),
            history_field="history_item_id",
            num_negatives=7,
        )


@pytest.mark.parametrize("shape", [(22, 5), (23, 1), (23,)])
def test_refuses_lists_of_another_shape(shape):
    with pytest.raises(EvaluationError, match=r"split's 23 users.*shape="):
        evaluate(
            SmallNetwork(), SmallSplit(), num_items=NUM_ITEMS, candidates=np.ones(shape, np.int32)
        )


def test_refuses_lists_with_another_true_item():
    split = SmallSplit()
    lists = lists_of(split)
    lists[20, 0] = lists[20, 1]
    expected = rf"Received: id {lists[20, 1]} for user 20, whose item is {split.targets[20]}"
    with pytest.raises(EvaluationError, match=expected):
        evaluate(SmallNetwork(), split, num_items=NUM_ITEMS, candidates=lists, batch_size=8)


def test_refuses_a_vocabulary_without_items():
    with pytest.raises(EvaluationError, match="at least one item.*num_items=2"):
        evaluate(SmallNetwork(), SmallSplit(), num_items=2)
