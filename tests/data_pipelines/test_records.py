from __future__ import annotations

import errno
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines import DataError, records

ROWS = np.arange(30, dtype=np.int32).reshape(10, 3)
PREAMBLE = 64


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Ten rows of three numbers in blocks of four rows."""
    with records.RecordWriter(tmp_path / "rows.records", 3, layout=["a"], block_rows=4) as writer:
        writer.append(ROWS[:1])
        writer.append(ROWS[1:9])
        writer.append(ROWS[9:])
    return tmp_path / "rows.records"


def flip(file: pathlib.Path, position: int) -> None:
    """Changes one bit of a file."""
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(bytes(data))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_round_trip(tmp_path: pathlib.Path, dtype: str) -> None:
    rows = ROWS.astype(dtype)
    records.write(tmp_path / "rows", rows, {"columns": ["a", "b", "c"]})
    loaded = records.load(tmp_path / "rows")
    np.testing.assert_array_equal(loaded.rows, rows)
    assert loaded.rows.dtype == dtype
    assert loaded.layout == {"columns": ["a", "b", "c"]}


def test_appended_parts_make_one_table_in_blocks(file: pathlib.Path) -> None:
    loaded = records.load(file)
    np.testing.assert_array_equal(loaded.rows, ROWS)
    assert len(loaded.checksums) == 3
    loaded.verify()


def test_no_rows(tmp_path: pathlib.Path) -> None:
    records.write(tmp_path / "rows", ROWS[:0])
    assert records.load(tmp_path / "rows").rows.shape == (0, 3)


def test_rows_are_read_only(file: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        records.load(file).rows[0, 0] = 1


def test_a_file_bears_its_name_only_when_complete(tmp_path: pathlib.Path) -> None:
    class StopError(Exception):
        pass

    def write() -> None:
        with records.RecordWriter(tmp_path / "rows", 3) as writer:
            writer.append(ROWS)
            assert not (tmp_path / "rows").exists()
            raise StopError

    with pytest.raises(StopError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_every_byte_that_is_cut_off_is_noticed(file: pathlib.Path) -> None:
    data = file.read_bytes()
    for size in range(len(data)):
        file.write_bytes(data[:size])
        with pytest.raises(DataError, match=r"cut off.*prepare the data again.*Received: "):
            records.load(file)


def test_every_bit_that_is_flipped_is_noticed(file: pathlib.Path) -> None:
    data = file.read_bytes()
    for position in range(len(data)):
        flip(file, position)
        with pytest.raises(DataError, match=r"prepare the data again.*Received: "):
            records.load(file)
        file.write_bytes(data)


def test_damaged_rows_are_named(file: pathlib.Path) -> None:
    flip(file, PREAMBLE + 5 * 3 * 4)
    with pytest.raises(DataError, match=r"Rows 4 to 7 are damaged.*Received: .*rows\.records"):
        records.load(file)


def test_large_files_are_compared_on_demand(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "VERIFY_BYTES", 100)
    flip(file, PREAMBLE)
    loaded = records.load(file)
    with pytest.raises(DataError, match="Rows 0 to 3 are damaged"):
        loaded.verify()


def test_missing_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"A file is missing.*Received: .*rows"):
        records.load(tmp_path / "rows")


def test_another_version(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "VERSION", 2)
    records.write(tmp_path / "rows", ROWS)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"of version 1.*Received: .*version=2"):
        records.load(tmp_path / "rows")


def test_wrong_rows(tmp_path: pathlib.Path) -> None:
    with (
        records.RecordWriter(tmp_path / "rows", 4) as writer,
        pytest.raises(ValueError, match=r"shape \(rows, 4\). Received: shape=\(10, 3\)"),
    ):
        writer.append(ROWS)


@pytest.mark.parametrize("arguments", [{"width": 0}, {"width": 1, "dtype": "float32"}])
def test_wrong_arguments(tmp_path: pathlib.Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"`width` and `block_rows` must be at least 1"):
        records.RecordWriter(tmp_path / "rows", **arguments)


def test_a_full_disk_is_named_and_leaves_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, rows: npt.NDArray[Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullDisk:
        def write(self, data: Any) -> None:
            fail(self, data)

        def close(self) -> None:
            fail(self, b"")

    def write() -> None:
        with records.RecordWriter(tmp_path / "rows", 3) as writer:
            writer._stream.close()
            writer._stream = FullDisk()  # type: ignore[assignment]
            writer.append(ROWS)

    with pytest.raises(
        DataError, match=r"No space left on device; free some space.*Received: .*rows"
    ):
        write()
    assert list(tmp_path.iterdir()) == []
