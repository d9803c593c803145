from __future__ import annotations

import pytest

from data_pipelines import progress
from data_pipelines.progress import read_with_progress
from data_pipelines.tables import table_of_rows


def test_a_long_table_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("data_pipelines.tables.CHUNK_ROWS", 1000)
    table = table_of_rows("events.csv", ("a",), lambda: [(1,)] * 2500)
    with caplog.at_level("INFO"):
        assert [len(chunk) for chunk in read_with_progress(table)] == [1000, 1000, 500]
        assert caplog.messages == []
        monkeypatch.setattr(progress, "SECONDS", 0.0)
        list(read_with_progress(table))
    assert caplog.messages == [
        f"Read {rows} rows, so far up to events.csv." for rows in ("1,000", "2,000", "2,500")
    ]
