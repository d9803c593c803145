from __future__ import annotations

import gzip
import pathlib

import numpy as np
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.criteo import parse
from data_pipelines.criteo.criteo_dataset_builder import Builder
from tests.data_pipelines.tfds_harness import build


def line(label: int, count: str, category: str) -> str:
    """A row whose counts and categories are all alike."""
    return "\t".join([str(int(label)), *[count] * 13, *[category] * 26]) + "\n"


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "source"
    folder.mkdir()
    rows = [
        line(row % 4 == 0, str(row), "0a1b2c3d" if row % 3 else "68fd1e64") for row in range(99)
    ]
    (folder / "train.txt").write_text("".join([*rows, line(1, "", "")]))
    return folder


def test_published_format(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("criteo", source, tmp_path / "data")
    # 25 of 99 rows, and the last one, are positive; each label is cut at 81 and 90 %.
    assert counts["rows"] == 100
    assert [counts[f"{name}_examples"] for name in ("train", "validation", "test")] == [81, 9, 10]
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec.fields] == [*parse.NUMBERS, *parse.CATEGORIES]
    assert data.spec.label == "label"
    assert data.spec.vocabulary("C1").values == ("0a1b2c3d", "68fd1e64")
    [(inputs, _, _)] = data.test.batches(10)
    assert -1 <= inputs["I1"].numpy().min() < inputs["I1"].numpy().max() <= 1
    assert set(inputs["C26"].numpy().tolist()) <= {1, 2, 3}


def test_logarithm_or_linear(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for counts, low_and_high in (("log", (0.0, np.log1p(98))), ("linear", (0.0, 98.0))):
        data_pipelines.prepare(
            "criteo",
            source,
            tmp_path / counts,
            counts=counts,
            split={"kind": "random", "train_share": 0.9, "validation_share": 0.05},
        )
        normalization = data_pipelines.load(tmp_path / counts).spec.field("I7").normalization
        np.testing.assert_allclose((normalization.low, normalization.high), low_and_high, rtol=0.05)


def test_buckets(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare("criteo", source, tmp_path / "data", counts="buckets", min_count=1)
    data = data_pipelines.load(tmp_path / "data")
    values = {int(value) for value in data.spec.vocabulary("I1").values}
    assert values <= {0, 1, 2, *(int(np.log(count) ** 2) for count in range(3, 99))}
    assert len(values) > 15


@pytest.mark.parametrize(
    ("text", "bucket"),
    # log(3)^2 = 1.2, log(7)^2 = 3.8, log(1000)^2 = 47.7
    [("", ""), ("-2", "-2"), ("0", "0"), ("2", "2"), ("3", "1"), ("7", "3"), ("1000", "47")],
)
def test_bucket(text: str, bucket: str) -> None:
    assert parse.bucket(text) == bucket


def test_compressed(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data = (source / "train.txt").read_bytes()
    (source / "train.txt").unlink()
    (source / "train.txt.gz").write_bytes(gzip.compress(data))
    assert data_pipelines.prepare("criteo", source, tmp_path / "data")["rows"] == 100


def test_a_row_that_is_cut_off(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with (source / "train.txt").open("a") as stream:
        stream.write("1\t2\t3\n")
    with pytest.raises(DataError, match=r"train.txt, line 101, must have 40 cells.*3 cells"):
        data_pipelines.prepare("criteo", source, tmp_path / "data")
    counts = data_pipelines.prepare("criteo", source, tmp_path / "data", bad_rows="skip")
    assert (counts["rows"], counts["skipped_rows"]) == (100, 1)


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        (line(2, "1", "a"), {}, r"column 'label', row 101, is the label and must be 0 or 1.*'2'"),
        (line(1, "many", "a"), {}, r"column 'I1', row 101, must be a number. Received: 'many'"),
        (
            line(1, "1.5", "a"),
            {"counts": "buckets"},
            r"column 'I1', row 101, must be an integer or empty. Received: '1.5'",
        ),
        ("", {"counts": "square"}, "`counts` must be one of log, linear, buckets. .*'square'"),
        ("", {"min_count": 0}, r"options of criteo are wrong: .*min_count.*Received: .*0"),
    ],
)
def test_wrong_rows_and_options(
    source: pathlib.Path, tmp_path: pathlib.Path, row: str, options: dict[str, object], message: str
) -> None:
    with (source / "train.txt").open("a") as stream:
        stream.write(row)
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("criteo", source, tmp_path / "data", **options)


def test_builder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, examples = build(Builder, tmp_path / "out", source)
    assert len(examples) == 100
    assert examples[4]["label"] == 1
    assert (examples[4]["I13"], examples[4]["C26"]) == (b"4", b"0a1b2c3d")
    assert examples[99]["I1"] == b""


def test_real_rows(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("criteo", shared_data / "criteo", tmp_path / "data")
    assert counts["rows"] == 14_370
    assert counts["train_positive_rate"] == pytest.approx(0.227, abs=5e-4)
    assert counts["test_positive_rate"] == pytest.approx(0.227, abs=2e-3)
