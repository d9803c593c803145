from __future__ import annotations

import numpy as np
import pytest

from data_pipelines import filters
from data_pipelines.filters import k_core


def slow_k_core(events: list[tuple[int, int]], k: int) -> list[tuple[int, int]]:
    while True:
        users = [user for user, _ in events]
        items = [item for _, item in events]
        kept = [e for e in events if users.count(e[0]) >= k and items.count(e[1]) >= k]
        if kept == events:
            return events
        events = kept


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("chunk_rows", [7, 1000])
def test_k_core_is_the_fixed_point(
    k: int, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "CHUNK_ROWS", chunk_rows)
    random = np.random.default_rng(k)
    users, items = random.zipf(1.5, (2, 150)).astype(np.int32) % 40
    kept_users, kept_items = k_core(users, items, 40, 40, k)
    expected = slow_k_core(list(zip(users.tolist(), items.tolist(), strict=True)), k)
    kept = kept_users[users] & kept_items[items]
    assert list(zip(users[kept].tolist(), items[kept].tolist(), strict=True)) == expected
    # What has no event left is not kept either.
    assert set(np.flatnonzero(kept_users)) == {user for user, _ in expected}
    assert set(np.flatnonzero(kept_items)) == {item for _, item in expected}
