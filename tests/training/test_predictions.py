"""Predictions against brute force, and the files of them."""

import csv
import errno

import numpy as np
import pytest

from amer_tf.training import evaluation_batches, item_vectors
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.predictions import Predictions, check_suffix, predict, write_predictions
from tests.training.small_split import NUM_ITEMS, SmallNetwork, SmallSplit

SPLIT = SmallSplit()
NETWORK = SmallNetwork(np.random.default_rng(2).normal(size=(NUM_ITEMS, 3)))
VALUES = [f"item {number}" for number in range(NUM_ITEMS - 2)]


def test_lists_are_scored_in_their_order():
    lists = np.concatenate([SPLIT.targets[:, None], SPLIT.negatives("uniform", 12, seed=9)], axis=1)
    found = predict(NETWORK, SPLIT, num_items=NUM_ITEMS, candidates=lists, batch_size=8)
    np.testing.assert_array_equal(found.items, lists)
    expected = np.take_along_axis(NETWORK.scores(SPLIT), lists, axis=1)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["uniform", "popular"])
def test_frozen_negatives_are_those_of_the_evaluation(mode):
    options = {"num_items": NUM_ITEMS, "candidates": mode, "num_negatives": 7, "seed": 3}
    found = predict(NETWORK, SPLIT, **options)
    np.testing.assert_array_equal(found.items[:, 0], SPLIT.targets)
    np.testing.assert_array_equal(found.items[:, 1:], SPLIT.negatives(mode, 7, seed=3))


@pytest.mark.parametrize("batch_size", [8, 512])
def test_the_whole_catalogue_gives_the_best_unseen_items(batch_size):
    found = predict(NETWORK, SPLIT, num_items=NUM_ITEMS, top_k=6, batch_size=batch_size)
    scores = NETWORK.scores(SPLIT)
    for user, history in enumerate(SPLIT.histories):
        unseen = [item for item in range(2, NUM_ITEMS) if item not in history]
        best = sorted(unseen, key=lambda item: -scores[user, item])[:6]
        assert found.items[user].tolist() == best
        np.testing.assert_allclose(found.scores[user], scores[user, best], rtol=1e-4, atol=1e-5)


def test_a_user_with_fewer_items_than_asked_for_gets_padding(tmp_path):
    found = predict(NETWORK, SPLIT, num_items=NUM_ITEMS, top_k=100)
    seen = np.array([len(history) for history in SPLIT.histories])
    np.testing.assert_array_equal((found.items > 0).sum(axis=1), NUM_ITEMS - 2 - seen)
    file = write_predictions(tmp_path / "best.csv", found, VALUES, SPLIT.users)
    assert len(list(csv.DictReader(file.open()))) == (found.items > 0).sum()


def test_the_order_of_ties_is_that_of_the_ids():
    network = SmallNetwork(np.ones((NUM_ITEMS, 3)))
    found = predict(network, SPLIT, num_items=NUM_ITEMS, top_k=40)
    for items in found.items:
        known = items[items > 0]
        assert known.tolist() == sorted(known)


def sorted_wholly(scores, seen, top_k):
    """The best items by sorting all of them, those of equal scores in the order of their ids."""
    scores = scores.astype(np.float32)
    scores[:, :2] = -np.inf
    np.put_along_axis(scores, seen, -np.inf, axis=1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    found = np.take_along_axis(scores, best, axis=1)
    return np.where(np.isfinite(found), best, 0), found


@pytest.mark.parametrize("top_k", [1, 2, 5, 10, 33, 41, 42, 100])
@pytest.mark.parametrize("distinct", [1, 2, 5])
def test_the_best_are_those_of_a_whole_sort(top_k, distinct):
    # Few distinct scores: the last of the best has equals that are left out.
    table = np.random.default_rng(top_k).integers(0, distinct, size=(NUM_ITEMS, 2))
    network = SmallNetwork(table)
    found = predict(network, SPLIT, num_items=NUM_ITEMS, top_k=top_k)
    seen = np.zeros((23, 9), np.int64)
    for user, history in enumerate(SPLIT.histories):
        seen[user, : len(history)] = history
    items, scores = sorted_wholly(network.scores(SPLIT), seen, top_k)
    np.testing.assert_array_equal(found.items, items)
    np.testing.assert_array_equal(found.scores, scores)


class CountedNetwork(SmallNetwork):
    """Notes how many users, and how many items, are asked for at once."""

    def __init__(self):
        super().__init__()
        self.users, self.items = set(), set()

    def query(self, inputs, training=False):
        self.users.add(inputs["history_item_id"].shape[0])
        return super().query(inputs)

    def item_vectors(self, ids):
        self.items.add(ids.shape[0])
        return super().item_vectors(ids)


@pytest.mark.parametrize("mode", ["full", "uniform"])
def test_a_large_catalogue_takes_fewer_users_and_items_at_a_time(mode, monkeypatch):
    options = {"num_items": NUM_ITEMS, "candidates": mode, "num_negatives": 7}
    expected = predict(NETWORK, SPLIT, **options)
    monkeypatch.setattr(evaluation_batches, "_MAX_BYTES", 3 * 4 * NUM_ITEMS)
    monkeypatch.setattr(item_vectors, "_ROWS_PER_CALL", 5)
    network = CountedNetwork()
    network.table = NETWORK.table
    found = predict(network, SPLIT, **options)
    # Scores of all items, or the vectors of width 3 of the true item and 7 others.
    assert network.users == {3 if mode == "full" else 3 * NUM_ITEMS // (8 * 3)}
    assert network.items == {5}
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)


def test_a_csv_file_holds_raw_ids(tmp_path):
    predictions = Predictions(
        np.array([[3, 2], [1, 41]], np.int32), np.array([[0.1, -2.5], [1e-9, 0.0]], np.float32)
    )
    file = write_predictions(tmp_path / "scores.csv", predictions, VALUES, [7, "a,b"])
    assert file.read_text().splitlines() == [
        "user,item,score",
        "7,item 1,0.100000001",
        "7,item 0,-2.5",
        '"a,b",,9.99999972e-10',  # an item that the vocabulary does not know
        '"a,b",item 39,0',
    ]


def test_a_npy_file_holds_the_scores(tmp_path):
    predictions = predict(
        NETWORK, SPLIT, num_items=NUM_ITEMS, candidates="uniform", num_negatives=7
    )
    file = write_predictions(tmp_path / "scores.npy", predictions, VALUES, SPLIT.users)
    np.testing.assert_array_equal(np.load(file), predictions.scores)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match=r"to .csv or .npy. Received: 'scores.parquet'"):
        check_suffix("scores.parquet")


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full_disk(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    predictions = Predictions(np.array([[2]], np.int32), np.array([[1.0]], np.float32))
    file = write_predictions(tmp_path / "scores.npy", predictions, VALUES, [1])
    before = file.read_bytes()
    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(EvaluationError, match="Predictions cannot be written: .*No space left"):
        write_predictions(file, predictions._replace(scores=predictions.scores + 1), VALUES, [1])
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
