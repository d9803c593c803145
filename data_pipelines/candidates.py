"""Items drawn at random that a user has not had: negatives for training and evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS
from data_pipelines.errors import DataError
from data_pipelines.random_streams import random_bits, random_fractions, random_integers

IntArray = npt.NDArray[np.int64]

MODES = ("uniform", "popular")
# After so many rounds of drawing popular items the few users still short of some are given
# theirs by sorting the whole catalog.
_MAX_ROUNDS = 20


class UnseenItems:
    """For each row of a batch, the items that the row's user has not had, without listing them.

    Args:
        had: int32: ids of items one row after another, each row's different and ascending; may be
            mapped from a file and hold more than these rows.
        starts: int64 `[rows]`: where each row's items start in `had`.
        ends: int64 `[rows]`: where they end.
        num_items: Number of items; their ids are 2 ... `num_items` + 1.
    """

    def __init__(
        self, had: npt.NDArray[np.int32], starts: IntArray, ends: IntArray, num_items: int
    ) -> None:
        # One entry that nobody has, so that an empty array can be indexed.
        self._had = had if len(had) else np.zeros(1, np.int32)
        self._starts = starts
        self._ends = ends
        self._num_items = num_items

    @property
    def available(self) -> IntArray:
        """int64 `[rows]`: how many items each row's user has not had."""
        return self._num_items - (self._ends - self._starts)

    def item(self, ranks: IntArray) -> npt.NDArray[np.int32]:
        """Ids `[rows, n]` of the items of these ranks among those not had.

        With had items a_0 < a_1 < ..., counted from 0, the r-th item not had is r plus the number
        of those with a_j - j <= r.
        """
        starts = self._starts[:, None]
        below = self._count_while(
            lambda place: self._had[place] - NUM_RESERVED_IDS - (place - starts) <= ranks,
            ranks.shape,
        )
        return (ranks + below + NUM_RESERVED_IDS).astype(np.int32)

    def had_by(self, row: int) -> npt.NDArray[np.int32]:
        """Ids of the items that a row's user has had, ascending."""
        return self._had[self._starts[row] : self._ends[row]]

    def is_had(self, items: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """bool `[rows, n]`: whether the row's user has had these ids."""
        below = self._count_while(lambda place: self._had[place] < items, items.shape)
        place = self._starts[:, None] + below
        inside = place < self._ends[:, None]
        return inside & (self._had[np.where(inside, place, 0)] == items)

    def _count_while(self, holds: Any, shape: tuple[int, ...]) -> IntArray:
        """How many of a row's first items fulfil a condition that later ones do not (bisection)."""
        low = np.broadcast_to(self._starts[:, None], shape)
        high = np.broadcast_to(self._ends[:, None], shape)
        longest = int((self._ends - self._starts).max(initial=0))
        for _ in range(longest.bit_length()):
            middle = (low + high) // 2
            searching = low < high
            up = searching & holds(np.where(searching, middle, 0))
            low = np.where(up, middle + 1, low)
            high = np.where(searching & ~up, middle, high)
        return low - self._starts[:, None]


def distinct_items(
    rows: IntArray, items: npt.NDArray[np.int32], num_rows: int
) -> tuple[npt.NDArray[np.int32], IntArray]:
    """Different known ids of each row, ascending.

    Args:
        rows: int64 `[n]`: row of each item, ascending.
        items: int32 `[n]`: its id; ids below 2 are left out.
        num_rows: Number of rows.

    Returns: int32 ids one row after another, and int64 `[num_rows + 1]` where each row starts.
    """
    known = items >= NUM_RESERVED_IDS
    keys = np.sort(rows[known] << 32 | items[known])
    keys = keys[np.diff(keys, prepend=-1) > 0]
    counts = np.bincount(keys >> 32, minlength=num_rows)
    return (keys & 0xFFFFFFFF).astype(np.int32), np.concatenate([[0], np.cumsum(counts)])


def draw_uniform(
    unseen: UnseenItems, num_draws: int, *keys: int | npt.NDArray[Any]
) -> npt.NDArray[np.int32]:
    """Uniform items not had, with repetition: `[rows, num_draws]`, 0 where a user has had all."""
    ranks = random_integers(unseen.available[:, None], *keys, np.arange(num_draws))
    return np.where(unseen.available[:, None] > 0, unseen.item(ranks), 0).astype(np.int32)


def draw_distinct(
    unseen: UnseenItems, num_draws: int, *keys: int | npt.NDArray[Any]
) -> npt.NDArray[np.int32]:
    """Different uniform items not had: `[rows, num_draws]` (Floyd's sampling).

    See Bentley and Floyd, "Programming pearls: a sample of brilliance", 1987.
    """
    require_enough(int(unseen.available.min(initial=num_draws)), num_draws)
    ranks = np.full((len(unseen.available), num_draws), -1, np.int64)
    for draw in range(num_draws):
        last = unseen.available - num_draws + draw
        rank = random_integers((last + 1)[:, None], *keys, np.array([draw]))[:, 0]
        taken = (ranks[:, :draw] == rank[:, None]).any(axis=1)
        ranks[:, draw] = np.where(taken, last, rank)
    return unseen.item(ranks)


def draw_popular(
    unseen: UnseenItems,
    item_counts: IntArray,
    num_draws: int,
    *keys: int | npt.NDArray[Any],
) -> npt.NDArray[np.int32]:
    """Different items not had, drawn one after another in proportion to their training events.

    Args:
        unseen: The items to draw from; those without a training event are left out.
        item_counts: int64 `[num_items + 2]`: training events of each id.
        num_draws: Items for each row.
        *keys: Of the random numbers; arrays have shape `[rows, 1]`.
    """
    counts = item_counts[NUM_RESERVED_IDS:]
    cumulative = np.cumsum(counts)
    num_rows = len(unseen.available)
    drawn = np.zeros((num_rows, num_draws), np.int32)
    filled = np.zeros(num_rows, np.int64)
    short = np.arange(num_rows)
    for round_number in range(_MAX_ROUNDS):
        fractions = random_fractions(*keys, round_number, np.arange(2 * num_draws))
        ids = np.searchsorted(cumulative, fractions * cumulative[-1], "right") + NUM_RESERVED_IDS
        usable = ~unseen.is_had(ids)
        for row in short:
            fresh = ids[row][usable[row]]
            fresh = fresh[~np.isin(fresh, drawn[row, : filled[row]])]
            _, first = np.unique(fresh, return_index=True)
            fresh = fresh[np.sort(first)][: num_draws - filled[row]]
            drawn[row, filled[row] : filled[row] + len(fresh)] = fresh
            filled[row] += len(fresh)
        short = short[filled[short] < num_draws]
        if not len(short):
            return drawn
    return _draw_popular_by_sorting(unseen, counts, drawn, filled, short, *keys)


def _draw_popular_by_sorting(
    unseen: UnseenItems,
    counts: IntArray,
    drawn: npt.NDArray[np.int32],
    filled: IntArray,
    short: IntArray,
    *keys: int | npt.NDArray[Any],
) -> npt.NDArray[np.int32]:
    """Fills up rows by exponential keys: the smallest of E / weight (Efraimidis and Spirakis)."""
    num_rows, num_draws = drawn.shape
    ids = np.arange(len(counts)) + NUM_RESERVED_IDS
    bits = np.broadcast_to(random_bits(*keys, _MAX_ROUNDS), (num_rows, 1))
    for row in short:
        had = np.concatenate([unseen.had_by(row), drawn[row, : filled[row]]])
        free = (counts > 0) & ~np.isin(ids, had)
        require_enough(int(free.sum() + filled[row]), num_draws)
        waiting = -np.log1p(-random_fractions(bits[row], ids[free])) / counts[free]
        order = np.argsort(waiting, kind="stable")[: num_draws - filled[row]]
        drawn[row, filled[row] :] = ids[free][order]
    return drawn


def require_enough(available: int, num_draws: int) -> None:
    """Checks that there are as many items to draw from as are to be drawn."""
    if available < num_draws:
        raise DataError(
            "Every user must have at least `num_negatives` items to draw that he has not had: "
            "choose fewer, or rank the full catalog. "
            f"Received: num_negatives={num_draws}, and a user with {available} such items"
        )
