from __future__ import annotations

import pathlib

import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.avazu import parse
from data_pipelines.avazu.avazu_dataset_builder import Builder
from tests.data_pipelines.tfds_harness import build

HEADER = ["id", parse.LABEL, parse.TIME, *parse.OTHER_FIELDS]


def line(number: int, click: int, hour: str) -> str:
    return ",".join([str(number), str(click), hour, *[f"x{number % 3}"] * 21]) + "\n"


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    """Rows of 21 to 25 October 2014, Tuesday to Saturday, at 0, 6, 12 and 18 o'clock."""
    folder = tmp_path / "source"
    folder.mkdir()
    rows = [line(row, row % 2, f"1410{21 + row // 20}{row % 20 // 5 * 6:02}") for row in range(100)]
    (folder / "train.csv").write_text(",".join(HEADER) + "\n" + "".join(rows))
    return folder


def test_published_format(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("avazu", source, tmp_path / "data")
    assert [counts[f"{name}_examples"] for name in ("train", "validation", "test")] == [72, 8, 20]
    data = data_pipelines.load(tmp_path / "data")
    assert len(data.spec.fields) == 24
    assert set(data.spec.vocabulary("day").values) == {"21", "22", "23", "24", "25"}
    assert set(data.spec.vocabulary("weekday").values) == {"1", "2", "3", "4", "5"}
    assert set(data.spec.vocabulary("hour").values) == {"0", "6", "12", "18"}
    assert set(data.spec.vocabulary("C21").values) == {"x0", "x1", "x2"}


def test_by_time(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    # 23 and 24 October 2014, midnight UTC.
    split = {"kind": "by_time", "train_until": 1414022400, "validation_until": 1414108800}
    counts = data_pipelines.prepare("avazu", source, tmp_path / "data", split=split)
    assert [counts[f"{name}_examples"] for name in ("train", "validation", "test")] == [40, 20, 40]


@pytest.mark.parametrize("hour", ["141021", "14102125", "14132100", "2014-10-21"])
def test_wrong_hour(source: pathlib.Path, tmp_path: pathlib.Path, hour: str) -> None:
    with (source / "train.csv").open("a") as stream:
        stream.write(line(1, 0, hour))
    message = rf"column 'hour', row 101, must be an hour such as 14102100. Received: '{hour}'"
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("avazu", source, tmp_path / "data")


def test_bad_rows(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with (source / "train.csv").open("a") as stream:
        stream.write("5,1\n")
    with pytest.raises(DataError, match=r"train.csv, line 102, must have 24 cells"):
        data_pipelines.prepare("avazu", source, tmp_path / "data")
    counts = data_pipelines.prepare("avazu", source, tmp_path / "data", bad_rows="skip")
    assert counts["skipped_rows"] == 1


def test_builder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, examples = build(Builder, tmp_path / "out", source)
    assert len(examples) == 100
    first = examples[41]
    assert (first["click"], first["day"], first["weekday"], first["hour"]) == (1, b"23", b"3", b"0")


def test_real_rows(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("avazu", shared_data / "avazu", tmp_path / "data")
    assert counts["rows"] == 9_999
    assert counts["train_positive_rate"] == pytest.approx(0.1706, abs=5e-4)
    # One hour only.
    assert data_pipelines.load(tmp_path / "data").spec.vocabulary("weekday").values == ("1",)
