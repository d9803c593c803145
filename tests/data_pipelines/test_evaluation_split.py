from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines import DataError, PreparedData
from tests.data_pipelines.conftest import small_sequences

BATCH_SIZE = 7


def encoded(data: PreparedData) -> dict[int, list[int]]:
    """Ids of the events of each user who is asked, by raw user id."""
    values = data.spec.vocabulary("item_id").read_values()
    ids = {value: number for number, value in enumerate(values, 2)}
    return {
        user: [ids[item] for item in items]
        for user, items in enumerate(small_sequences(), 1)
        if len(items) >= 3
    }


def collect(dataset: Any) -> dict[str, npt.NDArray[Any]]:
    """All examples but the padding."""
    batches = [{**inputs, **labels} for inputs, labels in dataset]
    whole = {key: np.concatenate([batch[key].numpy() for batch in batches]) for key in batches[0]}
    return {key: value[whole["weight"] > 0] for key, value in whole.items()}


@pytest.mark.parametrize(("name", "left"), [("validation", 2), ("test", 1)])
def test_history_is_what_stands_before_the_target(
    beauty: PreparedData, name: str, left: int
) -> None:
    split = getattr(beauty, name)
    sequences = encoded(beauty)
    found = collect(split.batches(BATCH_SIZE, candidates="full"))
    assert split.users.tolist() == list(sequences)
    assert split.num_examples == len(sequences) == beauty.counts[f"{name}_examples"]
    for row, items in enumerate(sequences.values()):
        history, target = items[:-left], items[-left]
        assert found["target"][row] == target
        shown = found["history_item_id"][row]
        assert shown[shown > 0].tolist() == history[-8:]
        assert (shown[len(history) :] == 0).all()
        seen = found["seen"][row]
        assert seen[seen > 0].tolist() == [item for item in history if item != target]


def test_the_last_batch_is_filled_up_with_padding(beauty: PreparedData) -> None:
    dataset = beauty.test.batches(BATCH_SIZE, num_negatives=10)
    *_, (inputs, labels) = dataset
    size = beauty.test.num_examples
    assert len(list(dataset)) == -(-size // BATCH_SIZE)
    padding = labels["weight"].numpy() == 0
    assert padding.sum() == -size % BATCH_SIZE > 0
    assert padding[-1]
    for array in (inputs["history_item_id"], labels["candidates"], labels["target"]):
        assert (array.numpy()[padding] == 0).all()


@pytest.mark.parametrize("candidates", ["uniform", "popular"])
def test_candidates_are_different_items_that_the_user_never_has(
    beauty: PreparedData, candidates: str
) -> None:
    options = {"candidates": candidates, "num_negatives": 15}
    found = collect(beauty.test.batches(BATCH_SIZE, **options))
    for row, items in zip(found["candidates"].tolist(), encoded(beauty).values(), strict=True):
        assert row[0] == items[-1]
        assert len(set(row)) == 16
        assert not set(row[1:]) & set(items)
        assert min(row) >= 2
    if candidates == "popular":
        assert (beauty.train.item_counts()[found["candidates"][:, 1:]] > 0).all()


@pytest.mark.parametrize("candidates", ["uniform", "popular"])
def test_candidates_depend_on_seed_and_user_alone(beauty: PreparedData, candidates: str) -> None:
    options: dict[str, Any] = {"candidates": candidates, "num_negatives": 15}
    whole = collect(beauty.test.batches(BATCH_SIZE, **options))
    other_size = collect(beauty.test.batches(64, **options))
    np.testing.assert_array_equal(whole["candidates"], other_size["candidates"])
    part = beauty.test.limit(9, seed=4)
    rows = [beauty.test.users.tolist().index(user) for user in part.users]
    limited = collect(part.batches(BATCH_SIZE, **options))
    np.testing.assert_array_equal(whole["candidates"][rows], limited["candidates"])
    other = collect(beauty.test.batches(64, seed=1, **options))
    assert (whole["candidates"] != other["candidates"]).any()


def test_validation_and_test_of_a_user_have_the_same_negatives(beauty: PreparedData) -> None:
    # Both keep away from the whole sequence, so neither tells the other's target.
    first, second = (
        collect(split.batches(64, num_negatives=15))["candidates"][:, 1:]
        for split in (beauty.validation, beauty.test)
    )
    np.testing.assert_array_equal(first, second)


def test_candidates_hash(beauty: PreparedData) -> None:
    digest = beauty.test.candidates_hash(num_negatives=15)
    assert len(digest) == 16
    assert digest == beauty.test.candidates_hash("uniform", 15, 0)
    others = {
        beauty.test.candidates_hash("popular", 15),
        beauty.test.candidates_hash("uniform", 14),
        beauty.test.candidates_hash("uniform", 15, 1),
        beauty.validation.candidates_hash("uniform", 15),
        beauty.test.limit(9).candidates_hash("uniform", 15),
    }
    assert len(others) == 5
    assert digest not in others
    # Frozen: this value is the same on every machine and stays in later versions.
    assert digest == "e576cece4ad29448"


def test_limit(beauty: PreparedData) -> None:
    part = beauty.test.limit(9, seed=4)
    assert part.num_examples == 9
    assert (np.diff(part.users) > 0).all()
    assert part.users.tolist() == beauty.test.limit(9, seed=4).users.tolist()
    assert part.users.tolist() != beauty.test.limit(9, seed=5).users.tolist()
    assert beauty.test.limit(999).num_examples == beauty.test.num_examples
    limited = collect(beauty.test.batches(BATCH_SIZE, candidates=None, limit=9, seed=4))
    assert len(limited["target"]) == 9
    assert "candidates" not in limited


@pytest.mark.parametrize("candidates", ["uniform", "popular"])
def test_more_negatives_than_items(beauty: PreparedData, candidates: str) -> None:
    # The user that has had most different items says how many can be drawn.
    counts = beauty.train.item_counts()
    drawable = {item for item in range(2, 62) if candidates == "uniform" or counts[item]}
    most = min(len(drawable - set(items)) for items in encoded(beauty).values())
    options: dict[str, Any] = {"candidates": candidates}
    collect(beauty.test.batches(BATCH_SIZE, num_negatives=most, **options))
    with pytest.raises(
        DataError, match=f"Received: num_negatives={most + 1}, and a user with {most} such items"
    ):
        beauty.test.batches(BATCH_SIZE, num_negatives=most + 1, **options)


def test_batch_size(beauty: PreparedData) -> None:
    for split in (beauty.train, beauty.test):
        with pytest.raises(ValueError, match="at least 1. Received: batch_size=0"):
            split.batches(0)


def test_unknown_candidates(beauty: PreparedData) -> None:
    with pytest.raises(ValueError, match=r"one of uniform, popular, full, or None. .*'all'"):
        beauty.test.batches(BATCH_SIZE, candidates="all")
