"""Memory must not grow with the number of rows."""

from __future__ import annotations

import gc
import pathlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import data_pipelines
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from data_pipelines import records
from data_pipelines.dealing import LABEL
from data_pipelines.example_rows import FlatRows
from data_pipelines.row_layout import RowLayout
from data_pipelines.table_split import TableTrainingSplit


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("delimited", "tables"):
        monkeypatch.setattr(f"data_pipelines.{module}.CHUNK_ROWS", 500)
    monkeypatch.setattr("data_pipelines.delimited.BLOCK_BYTES", 4096)
    for module in ("event_log", "spool", "filters"):
        monkeypatch.setattr(f"data_pipelines.{module}.CHUNK_ROWS", 500)


def peak(function: Callable[[], Any]) -> int:
    """Most bytes that Python and NumPy hold at a time while a function runs."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def prepare_events(folder: pathlib.Path, num_rows: int) -> Callable[[], Any]:
    """Events of always the same users and items."""
    folder.mkdir()
    lines = [f"{row % 50},{row * 7 % 90},{row}\n" for row in range(num_rows)]
    (folder / "events.csv").write_text("user,item,time\n" + "".join(lines))
    (folder / "shop.yaml").write_text(
        "{task: next_item, files: {events: events.csv}, user: user, item: item, time: time, "
        "fields: [{name: hour, column: item, role: context}], split: by_time}"
    )
    return lambda: data_pipelines.prepare(folder / "shop.yaml", None, folder / "data")


def prepare_examples(folder: pathlib.Path, num_rows: int) -> Callable[[], Any]:
    folder.mkdir()
    lines = [f"{row % 50},{row % 90},{row},{row % 2}\n" for row in range(num_rows)]
    (folder / "ads.csv").write_text("user,ad,price,click\n" + "".join(lines))
    (folder / "ads.yaml").write_text(
        "{task: ctr, files: {events: ads.csv}, label: click, user: user, fields: "
        "[{name: user}, {name: ad, role: target}, {name: price, kind: numeric}]}"
    )
    return lambda: data_pipelines.prepare(folder / "ads.yaml", None, folder / "data")


@pytest.mark.parametrize("make", [prepare_events, prepare_examples])
def test_preparing(tmp_path: pathlib.Path, make: Any) -> None:
    make(tmp_path / "first", 2000)()
    # Arrow reads up to 32 blocks ahead: 128 KiB here.
    small = peak(make(tmp_path / "small", 20_000))
    large = peak(make(tmp_path / "large", 80_000))
    assert large < 1.2 * small
    # That is far less than the rows themselves.
    assert large < 80_000 * 40


def test_feeding(tmp_path: pathlib.Path) -> None:
    spec = FeatureSpec(
        fields=(CategoricalField("f"),),
        vocabularies=(Vocabulary("f", source="integer", dtype="int64", size=9),),
        label="y",
    )
    layout = RowLayout.of(spec.fields).with_column(LABEL, "float32")
    peaks = []
    for num_rows in (10_000, 1_000_000):
        file = tmp_path / f"{num_rows}.records"
        records.write(file, np.zeros((num_rows, layout.width), np.int32), layout.to_json())

        def feed(file: pathlib.Path = file) -> None:
            split = TableTrainingSplit(spec, FlatRows(records.load(file).rows, layout))
            for _ in split.batches(256, num_steps=20):
                pass

        feed()
        peaks.append(peak(feed))
    assert peaks[1] < peaks[0] + 200_000
