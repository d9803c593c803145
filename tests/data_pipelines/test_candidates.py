from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines import DataError
from data_pipelines.candidates import (
    UnseenItems,
    distinct_items,
    draw_distinct,
    draw_popular,
    draw_uniform,
)

NUM_ITEMS = 12
HAD = [[3, 2, 13, 3], [], [5], list(range(2, 14)), [1, 0, 7, 8, 9]]


def unseen_items(had: list[list[int]] = HAD) -> UnseenItems:
    rows = np.repeat(np.arange(len(had)), [len(items) for items in had])
    flat = np.array([item for items in had for item in items], np.int32)
    items, starts = distinct_items(rows, flat, len(had))
    return UnseenItems(items, starts[:-1], starts[1:], NUM_ITEMS)


def free_items(items: list[int]) -> list[int]:
    return [item for item in range(2, NUM_ITEMS + 2) if item not in items]


def test_distinct_items() -> None:
    rows = np.array([0, 0, 0, 2, 2])
    items, starts = distinct_items(rows, np.array([7, 3, 7, 1, 2], np.int32), 3)
    assert items.tolist() == [3, 7, 2]
    assert starts.tolist() == [0, 2, 2, 3]


def test_ranks_count_the_items_not_had() -> None:
    unseen = unseen_items()
    assert unseen.available.tolist() == [len(free_items(items)) for items in HAD]
    ranks = np.tile(np.arange(NUM_ITEMS), (len(HAD), 1))
    found = unseen.item(ranks)
    for row, items in enumerate(HAD):
        free = free_items(items)
        assert found[row, : len(free)].tolist() == free
        assert unseen.had_by(row).tolist() == sorted({item for item in items if item >= 2})


def test_is_had() -> None:
    ids = np.tile(np.arange(2, NUM_ITEMS + 2), (len(HAD), 1))
    expected = [[item in items for item in range(2, NUM_ITEMS + 2)] for items in HAD]
    assert unseen_items().is_had(ids).tolist() == expected
    assert not unseen_items([[], []]).is_had(ids[:2]).any()


def test_uniform_draws_reach_all_others_alike() -> None:
    unseen = unseen_items([[2, 3], [4]])
    drawn = draw_uniform(unseen, 20_000, 0, np.array([[0], [1]]))
    for row, items in enumerate([[2, 3], [4]]):
        counts = np.bincount(drawn[row], minlength=NUM_ITEMS + 2)
        free = free_items(items)
        assert set(np.flatnonzero(counts)) == set(free)
        assert abs(counts[free] - 20_000 / len(free)).max() < 5 * np.sqrt(20_000 / len(free))


def test_a_user_who_had_everything_gets_padding() -> None:
    drawn = draw_uniform(unseen_items(), 4, 0, np.arange(len(HAD))[:, None])
    assert drawn[3].tolist() == [0, 0, 0, 0]
    assert (drawn[[0, 1, 2, 4]] >= 2).all()


def test_distinct_draws_are_different_items_not_had() -> None:
    had = [items for items in HAD if len(items) < NUM_ITEMS]
    for key in range(50):
        drawn = draw_distinct(unseen_items(had), 9, key, np.arange(len(had))[:, None])
        for items, row in zip(had, drawn.tolist(), strict=True):
            assert len(set(row)) == 9
            assert set(row) <= set(free_items(items))


def test_distinct_draws_are_fair() -> None:
    unseen = unseen_items([[5]] * 4000)
    drawn = draw_distinct(unseen, 3, 0, np.arange(4000)[:, None])
    counts = np.bincount(drawn.ravel(), minlength=NUM_ITEMS + 2)[free_items([5])]
    assert abs(counts - 12_000 / 11).max() < 5 * np.sqrt(12_000 / 11)


def test_more_distinct_draws_than_items() -> None:
    with pytest.raises(
        DataError,
        match=r"at least `num_negatives` items to draw .*num_negatives=12, and a user with 11",
    ):
        draw_distinct(unseen_items([[5]]), 12, 0)


COUNTS = np.array([0, 0, 0, *range(1, 12)])


def inclusion(drawn: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.bincount(drawn.ravel(), minlength=NUM_ITEMS + 2)


def test_popular_draws_are_proportional_to_counts() -> None:
    unseen = unseen_items([[13]] * 4000)
    drawn = draw_popular(unseen, COUNTS, 1, 0, np.arange(4000)[:, None])
    expected = 4000 * COUNTS[:13] / COUNTS[:13].sum()
    np.testing.assert_allclose(inclusion(drawn)[:13], expected, atol=5 * np.sqrt(4000 / 6))
    assert inclusion(drawn)[13] == 0


def test_popular_draws_are_distinct_and_the_last_resort_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unseen = unseen_items([[13]] * 2000)
    drawn = draw_popular(unseen, COUNTS, 4, 0, np.arange(2000)[:, None])
    assert all(len(set(row)) == 4 for row in drawn.tolist())
    monkeypatch.setattr("data_pipelines.candidates._MAX_ROUNDS", 0)
    sorted_out = draw_popular(unseen, COUNTS, 4, 0, np.arange(2000)[:, None])
    assert all(len(set(row)) == 4 for row in sorted_out.tolist())
    # Both draw one item after another in proportion to the counts.
    difference = inclusion(drawn) - inclusion(sorted_out)
    assert abs(difference).max() < 5 * np.sqrt(2 * 2000 * 0.25)


def test_too_few_popular_items() -> None:
    with pytest.raises(DataError, match="num_negatives=11, and a user with 10 such items"):
        draw_popular(unseen_items([[13]]), COUNTS, 11, np.array([[0]]))
