"""A table without a categorical field: whatever can read it is compared."""

from __future__ import annotations

import csv
import functools
import json

import numpy as np
import pytest

import data_pipelines
from amer_tf.compare import Comparison
from amer_tf.features import SpecError
from amer_tf.search.ctr_settings import REFERENCES
from tests.search import small_ctr_run

pytestmark = [
    pytest.mark.usefixtures("quick_search", "no_latency"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
SETTINGS = small_ctr_run.SETTINGS.replace(final_epochs=1)
NUMBERS = ("age", "income", "visits")
READ_NUMBERS = ["dnn", "dcn", "dcnv2", "autocross", "lightgbm"]


@pytest.fixture(scope="module", name="load")
def _load(tmp_path_factory):
    """400 rows whose label depends on one number and on the product of two others."""
    folder = tmp_path_factory.mktemp("numbers")
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, len(NUMBERS)))
    noise = 0.5 * generator.normal(size=len(values))
    labels = values[:, 0] + values[:, 1] * values[:, 2] + noise > 0
    with (folder / "people.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*NUMBERS, "click"])
        writer.writerows([*row, int(label)] for row, label in zip(values, labels, strict=True))
    description = {
        "name": "people",
        "task": "ctr",
        "files": {"events": "people.csv"},
        "label": "click",
        "fields": [{"name": name, "kind": "numeric", "role": "context"} for name in NUMBERS],
        "split": {"kind": "random", "seed": 1},
    }
    (folder / "people.json").write_text(json.dumps(description))
    data_pipelines.prepare(folder / "people.json", None, folder / "data")
    return functools.partial(data_pipelines.load, folder / "data")


def comparison(load, folder, names):
    return Comparison(load, folder, names, settings=SETTINGS, seeds=(0,), workers=0)


def test_systems_that_read_numbers_are_compared(load, tmp_path):
    result = comparison(load, tmp_path, READ_NUMBERS).work()
    assert {line["system"]: line["status"] for line in result.records} == dict.fromkeys(
        READ_NUMBERS, "done"
    )
    [trees] = [line for line in result.records if line["system"] == "lightgbm"]
    assert trees["score"] > 0.7


def test_the_others_are_named_before_anything_is_trained(load, tmp_path):
    others = [name for name in REFERENCES if name not in READ_NUMBERS]
    with pytest.raises(ValueError, match="leave them out") as refused:
        comparison(load, tmp_path, list(REFERENCES))
    assert all(f"{name}: " in str(refused.value) for name in others)
    assert "lr: there is no categorical field whose values it could weigh" in str(refused.value)
    with pytest.raises(SpecError, match="A search of task ctr needs a categorical"):
        comparison(load, tmp_path, ["lightgbm", "amer"])
    assert not list(tmp_path.iterdir())
