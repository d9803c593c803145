from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_pipelines import DataError, progress
from data_pipelines.progress import read_ahead, read_with_progress
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


def test_read_ahead_keeps_order_and_errors() -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)
        raise DataError("no more")

    stream = read_ahead(numbers())
    assert [next(stream), next(stream), next(stream)] == [0, 1, 2]
    with pytest.raises(DataError, match="no more"):
        next(stream)


def test_read_ahead_may_be_left_early() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    stream = read_ahead(numbers())
    assert next(stream) == 0
    stream.close()  # type: ignore[attr-defined]
    assert len(made) <= 3
