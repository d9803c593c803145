"""How labelled examples are split where the description does not say so."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import data_pipelines
from tests.data_pipelines.test_ctr_joined import DESCRIPTION, Shop, prepare, write


def without_split(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**DESCRIPTION, **changes}.items() if key != "split"}


@pytest.mark.parametrize("has_log", [True, False])
def test_histories_with_times_are_split_by_time(tmp_path: pathlib.Path, has_log: bool) -> None:
    """Eight tenths of the rows train, the next tenth validates, or a few more of one moment."""
    shop, changes = Shop(), {}
    if not has_log:
        # The item is taken for a history of one step.
        fields = [{"name": "hour"}, {"name": "seen", "column": "item", "role": "behavior"}]
        changes = {"files": {"events": "examples.csv"}, "fields": fields}
    description = write(tmp_path, shop)
    text = without_split(**changes)
    if not has_log:
        del text["item"]
    description.write_text(json.dumps(text))
    data_pipelines.prepare(description, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    times = sorted(int(row[2]) for row in shop.examples)
    # The next moment after that of the last row that is needed.
    bounds = [next(time for time in times if time > times[last - 1]) for last in (320, 360)]
    clicks = [int(row[-1]) for row in shop.examples if int(row[2]) >= bounds[1]]
    np.testing.assert_array_equal(data.test.labels, clicks)
    assert data.train.num_examples == sum(time < bounds[0] for time in times)
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    assert head["split"] == {"kind": "by_time", "train_share": 0.8, "validation_share": 0.1}


@pytest.mark.parametrize("dropped", ["time", "seen"])
def test_plain_tables_are_split_at_random(tmp_path: pathlib.Path, dropped: str) -> None:
    fields = [{"name": "hour"}, {"name": "seen", "column": "item", "role": "behavior"}]
    text = without_split(files={"events": "examples.csv"}, fields=fields)
    text["fields"] = [field for field in fields if field["name"] != dropped]
    kept = {key: value for key, value in text.items() if key not in ("item", dropped)}
    description = write(tmp_path, Shop())
    description.write_text(json.dumps(kept))
    data_pipelines.prepare(description, None, tmp_path / "data")
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    assert head["split"]["kind"] == "random"


def test_a_random_split_with_a_log_is_named(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = prepare(tmp_path, split="random")
    assert data.train.num_examples == 320
    assert "The split is random, and examples have histories: training rows lie" in caplog.text
