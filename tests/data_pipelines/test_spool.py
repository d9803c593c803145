from __future__ import annotations

import pathlib

import numpy as np
import pytest

from data_pipelines.errors import DataError
from data_pipelines.spool import Spool

DTYPE = np.dtype([("number", "<i4"), ("moment", "<f8")])


@pytest.fixture
def rows() -> np.ndarray:
    rows = np.zeros(7, DTYPE)
    rows["number"] = np.arange(7)
    rows["moment"] = np.arange(7) / 2
    return rows


def test_rows_come_back_in_chunks(
    tmp_path: pathlib.Path, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_pipelines.spool.CHUNK_ROWS", 3)
    rows.tofile(tmp_path / "rows")
    spool = Spool(tmp_path / "rows", DTYPE, 7)
    assert len(spool) == 7
    for _ in range(2):
        chunks = list(spool.chunks())
        assert [len(chunk) for chunk in chunks] == [3, 3, 1]
        np.testing.assert_array_equal(np.concatenate(chunks), rows)


def test_a_file_that_is_gone_is_named(tmp_path: pathlib.Path) -> None:
    spool = Spool(tmp_path / "rows", DTYPE, 7)
    with pytest.raises(DataError, match="A file is missing.*rows"):
        list(spool.chunks())
