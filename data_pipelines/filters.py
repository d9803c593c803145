"""The iterative k-core of a table of events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CHUNK_ROWS = 1 << 20

BoolArray = npt.NDArray[np.bool_]


def k_core(
    users: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    num_users: int,
    num_items: int,
    k: int,
) -> tuple[BoolArray, BoolArray]:
    """Users and items that are left when those with fewer than `k` events go, again and again.

    An event goes with its user or its item. Memory grows with users and items only: the events
    are read in chunks, once for each round.

    Args:
        users: User code of each event, may be mapped from a file.
        items: Item code of each event.
        num_users: Number of user codes.
        num_items: Number of item codes.
        k: Fewest events; 0 and 1 keep all that have any.

    Returns: Which users, and which items, are kept.
    """
    kept_users, kept_items = np.ones(num_users, bool), np.ones(num_items, bool)
    while True:
        user_counts = np.zeros(num_users, np.int64)
        item_counts = np.zeros(num_items, np.int64)
        for start in range(0, len(users), CHUNK_ROWS):
            user, item = users[start : start + CHUNK_ROWS], items[start : start + CHUNK_ROWS]
            kept = kept_users[user] & kept_items[item]
            user_counts += np.bincount(user[kept], minlength=num_users)
            item_counts += np.bincount(item[kept], minlength=num_items)
        still_users, still_items = user_counts >= max(k, 1), item_counts >= max(k, 1)
        if (still_users == kept_users).all() and (still_items == kept_items).all():
            return kept_users, kept_items
        kept_users, kept_items = still_users, still_items
