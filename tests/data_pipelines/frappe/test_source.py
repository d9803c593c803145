from __future__ import annotations

import pathlib

import numpy as np
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.frappe import parse
from data_pipelines.frappe.frappe_dataset_builder import Builder
from tests.data_pipelines.tfds_harness import build


def line(number: int) -> str:
    ids = [f"{100 * place + number % 7}:1" for place in range(10)]
    return " ".join(["1" if number % 3 == 0 else "-1", *ids]) + "\n"


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, size in (("train", 70), ("validation", 200), ("test", 10)):
        (folder / f"frappe.{name}.libfm").write_text("".join(map(line, range(size))))
    return folder


def test_published_splits(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("frappe", source, tmp_path / "data")
    sizes = [counts[f"{name}_examples"] for name in ("train", "validation", "test")]
    assert sizes == [70, 200, 10]
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec.fields] == list(parse.FIELDS)
    assert data.spec.field("item").role == "target"
    assert data.spec.group == "user"
    # Every id belongs to one field.
    assert set(data.spec.vocabulary("city").values) == {str(900 + n) for n in range(7)}
    assert data.test.labels.tolist() == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_without_the_training_file(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (source / "frappe.train.libfm").unlink()
    labels = {}
    for seed in (0, 0, 1):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        counts = data_pipelines.prepare("frappe", source, folder, validation_share=0.3, seed=seed)
        assert counts["train_examples"] + counts["validation_examples"] == 200
        assert 40 < counts["validation_examples"] < 80
        assert counts["test_examples"] == 10
        known = labels.setdefault(seed, data_pipelines.load(folder).train.labels)
        np.testing.assert_array_equal(known, data_pipelines.load(folder).train.labels)
    assert labels[0].tolist() != labels[1].tolist()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1 1:1 2:1\n", {}, r"frappe.test.libfm, line 11, must have 11 cells"),
        (line(0).replace("100:1", "100:2"), {}, "column 'item', row 11, must be an id and its val"),
        (line(0).replace("100:1", "x:1"), {}, "such as 204:1. Received: 'x:1'"),
        (line(0).replace("1 ", "2 ", 1), {}, "column 'label', row 11, must be 1, -1 or 0. .*'2'"),
        ("", {"validation_share": 1}, "`validation_share` must be a number between 0 and 1. .*1"),
    ],
)
def test_wrong_rows_and_options(
    source: pathlib.Path,
    tmp_path: pathlib.Path,
    text: str,
    options: dict[str, object],
    message: str,
) -> None:
    with (source / "frappe.test.libfm").open("a") as stream:
        stream.write(text)
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("frappe", source, tmp_path / "data", **options)


def test_builder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, examples = build(Builder, tmp_path / "out", source, config="test")
    assert len(examples) == 10
    assert examples[3] == {"label": 1, **{n: 100 * p + 3 for p, n in enumerate(parse.FIELDS)}}


def test_real_rows(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("frappe", shared_data / "frappe", tmp_path / "data")
    assert counts["rows"] == 57_722 + 28_860
    assert counts["test_examples"] == 28_860
    assert counts["validation_examples"] == pytest.approx(5_772, abs=300)
    assert counts["test_positive_rate"] == pytest.approx(1 / 3, abs=0.01)
