from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines import PreparedData
from tests.data_pipelines.conftest import small_sequences

BATCH_SIZE = 16


def encoded(data: PreparedData) -> list[list[int]]:
    """Training events of each user, as ids."""
    values = data.spec.vocabulary("item_id").read_values()
    ids = {value: number for number, value in enumerate(values, 2)}
    sequences = [[ids[item] for item in items] for items in small_sequences()]
    return [items[:-2] if len(items) >= 3 else items for items in sequences]


def collect(dataset: Any) -> list[dict[str, npt.NDArray[Any]]]:
    return [
        {key: value.numpy() for key, value in {**inputs, **labels}.items()}
        for inputs, labels in dataset
    ]


def users_of(data: PreparedData, batch: dict[str, npt.NDArray[Any]]) -> list[list[int]]:
    """The users in whose training events each example's history and positives stand in a row."""
    found = []
    for history, positives in zip(batch["history_item_id"], batch["positives"], strict=True):
        wanted = [*history[history > 0], *positives[positives > 0]]
        matches = [
            user
            for user, items in enumerate(encoded(data))
            if any(
                items[i : i + len(wanted)] == wanted for i in range(len(items) - len(wanted) + 1)
            )
        ]
        found.append(matches)
    return found


def test_examples_are_users_with_two_training_events(beauty: PreparedData) -> None:
    expected = sum(len(items) >= 2 for items in encoded(beauty))
    assert beauty.train.num_examples == expected == beauty.counts["train_examples"]
    assert beauty.counts["users_without_train_example"] == 40 - expected


def test_batches_are_full_and_of_static_shape(beauty: PreparedData) -> None:
    dataset = beauty.train.batches(BATCH_SIZE, num_steps=3, num_positives=4, num_negatives=6)
    inputs, labels = dataset.element_spec
    assert inputs["history_item_id"].shape == (BATCH_SIZE, 8)
    assert labels["positives"].shape == (BATCH_SIZE, 4)
    assert labels["negatives"].shape == (BATCH_SIZE, 6)
    assert len(collect(dataset)) == 3


def test_a_cut_leaves_an_item_before_it_and_the_next_items_after_it(beauty: PreparedData) -> None:
    for batch in collect(beauty.train.batches(BATCH_SIZE, num_steps=20)):
        assert (batch["history_item_id"][:, 0] > 0).all()
        assert (batch["positives"][:, 0] > 0).all()
        assert all(users_of(beauty, batch))


def test_every_epoch_takes_every_example_once_in_a_new_order(beauty: PreparedData) -> None:
    size = beauty.train.num_examples
    epochs = [beauty.train._examples(size, 3, step)[1].tolist() for step in range(4)]
    for epoch in epochs:
        assert sorted(epoch) == sorted(epochs[0])
        assert len(set(epoch)) == size
    assert all(first != second for first, second in itertools.combinations(epochs, 2))


def test_first_step_goes_on_exactly(beauty: PreparedData) -> None:
    whole = collect(beauty.train.batches(BATCH_SIZE, seed=7, num_steps=9))
    rest = collect(beauty.train.batches(BATCH_SIZE, seed=7, first_step=5, num_steps=4))
    for left, right in zip(whole[5:], rest, strict=True):
        for key in left:
            np.testing.assert_array_equal(left[key], right[key])


def test_another_seed_gives_other_batches(beauty: PreparedData) -> None:
    first, second = (
        collect(beauty.train.batches(BATCH_SIZE, seed=seed, num_steps=1))[0] for seed in (0, 1)
    )
    assert (first["history_item_id"] != second["history_item_id"]).any()


def test_the_stream_has_no_end(beauty: PreparedData) -> None:
    dataset = beauty.train.batches(BATCH_SIZE)
    assert len(collect(dataset.take(30))) == 30


def test_negatives_are_never_the_users_own_and_reach_all_others(beauty: PreparedData) -> None:
    sequences = encoded(beauty)
    drawn: dict[int, set[int]] = {}
    for step in range(60):
        _, users = beauty.train._examples(BATCH_SIZE, 0, step)
        _, labels = beauty.train.make_cut(BATCH_SIZE, 0, step, num_positives=5, num_negatives=20)
        for user, negatives in zip(users.tolist(), labels["negatives"], strict=True):
            drawn.setdefault(user, set()).update(negatives.tolist())
    num_items = beauty.spec.vocabulary("item_id").num_rows - 2
    for user, items in drawn.items():
        assert items == set(range(2, num_items + 2)) - set(sequences[user])


def test_every_position_asks_for_the_next_item_of_each_step(beauty: PreparedData) -> None:
    sequences = encoded(beauty)
    for step in range(5):
        _, users = beauty.train._examples(BATCH_SIZE, 0, step)
        inputs, labels = beauty.train.make_every_position(BATCH_SIZE, 0, step)
        for row, user in enumerate(users):
            items = sequences[user][-9:]
            padding = [0] * (9 - len(items))
            assert inputs["history_item_id"][row].tolist() == items[:-1] + padding
            assert labels["positives"][row].tolist() == items[1:] + padding
            negatives = labels["negatives"][row]
            np.testing.assert_array_equal(negatives > 0, labels["positives"][row] > 0)
            assert not set(negatives.tolist()) & set(sequences[user])


def test_each_event_is_asked_for_once_an_epoch(beauty: PreparedData) -> None:
    sequences = encoded(beauty)
    # Every event by user, with the history before it.
    expected = [
        (item, tuple(row[max(0, place - 8) : place]))
        for row in sequences
        for place, item in enumerate(row)
    ]
    found = []
    for step in range(len(expected)):
        inputs, labels = beauty.train.make_each_event(1, 3, step, num_negatives=4)
        (history,), ((item,),) = inputs["history_item_id"].tolist(), labels["positives"].tolist()
        found.append((item, tuple(each for each in history if each)))
        negatives = set(labels["negatives"][0].tolist())
        assert any(item in row and not negatives & set(row) for row in sequences)
    assert sorted(found) == sorted(expected)
    assert found != expected


def test_what_cannot_be_asked_for(beauty: PreparedData) -> None:
    with pytest.raises(ValueError, match="one of cut, every_position, each_event. .*'all'"):
        beauty.train.batches(BATCH_SIZE, ask="all")


def test_interactions_are_the_training_events_alone(beauty: PreparedData) -> None:
    users, items = beauty.train.interactions()
    sequences = encoded(beauty)
    assert users.tolist() == [user for user, row in enumerate(sequences) for _ in row]
    assert items.tolist() == [item for row in sequences for item in row]
    assert beauty.train.item_counts().tolist() == np.bincount(items, minlength=62).tolist()


def test_steps_must_not_be_negative(beauty: PreparedData) -> None:
    with pytest.raises(ValueError, match=r"must not be negative.*Received: first_step=-1"):
        beauty.train.batches(BATCH_SIZE, first_step=-1)
