"""`amer export` and `amer evaluate` of the hand-made systems of a comparison."""

from __future__ import annotations

import functools
import json
import re
import shutil
import warnings

import numpy as np
import pytest
import tensorflow as tf

import data_pipelines
from amer_tf.cli import run_data
from amer_tf.compare import Candidates, Comparison, job
from amer_tf.search.reference_result import ReferenceResult
from tests.cli.conftest import amer, refused
from tests.search import small_ctr_run, small_run
from tests.search.small_run import small_and_eager

FEW = "--num_negatives=10"


def compare(data, folder, names, settings):
    """A comparison as `amer compare` makes it, in this process."""
    load = functools.partial(data_pipelines.load, data.folder)
    few = Candidates(num_negatives=10)
    options = {"seeds": (3,), "candidates": few, "workers": 0}
    comparison = Comparison(load, folder, names, settings=settings, **options)
    run_data.record(comparison.run, data)
    comparison.work()
    return folder


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Folders of two comparisons, by task, and of a run of each system in them, by name."""
    folder = tmp_path_factory.mktemp("compared")
    with (
        small_and_eager(),
        warnings.catch_warnings(),
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        monkeypatch.setattr(job, "measure_latency", lambda *arguments: None)
        rows = compare(
            small_ctr_run.prepare(folder / "rows"),
            folder / "ctr",
            ["lr", "lightgbm"],
            small_ctr_run.SETTINGS,
        )
        ranking = compare(
            small_run.prepare(folder / "events"),
            folder / "next_item",
            ["popularity", "caser"],
            small_run.SETTINGS,
        )
    runs = {path.parent.name: path for out in (rows, ranking) for path in out.glob("*/seed_3")}
    return {"ctr": rows, "next_item": ranking, **runs}


@pytest.fixture
def copied(compared, tmp_path):
    """Gives copies of a whole comparison: an evaluation writes into its runs."""
    return lambda task, name: (
        shutil.copytree(compared[task], tmp_path / task, dirs_exist_ok=True) / name / "seed_3"
    )


@pytest.mark.parametrize("name", ["lr", "caser", "popularity"])
def test_an_exported_network(compared, tmp_path, name):
    answer = amer("export", f"--run_dir={compared[name]}", f"--export_dir={tmp_path / '1'}")
    assert answer.code == 0, answer.messages
    assert answer.result == {
        "run_dir": str(compared[name]),
        "export_dir": str(tmp_path / "1"),
        "system": name,
        "top_k": 10,
    }
    assert f"- system: {name}, made by hand" in (tmp_path / "1" / "README.md").read_text()
    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert ("recommend" in served) == (name != "lr")


def test_recommendations_are_those_of_the_network(compared, tmp_path):
    amer("export", f"--run_dir={compared['caser']}", f"--export_dir={tmp_path / '1'}")
    result = ReferenceResult.load(compared["caser"])
    values = result.spec.vocabulary("item_id").read_values()
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    request = {"history_item_id": [values[4:7]], "item_id": [values]}
    found = served(**{name: tf.constant(rows, tf.int64) for name, rows in request.items()})
    history = np.array([[6, 7, 8, 0, 0, 0]])
    candidates = np.arange(len(values))[None] + 2
    expected = result.model({"history_item_id": history, "item_id": candidates}, training=False)
    np.testing.assert_allclose(found["scores"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lightgbm", "Only a network can be exported.*lightgbm consists of decision trees"),
        ("ctr", r"holds a comparison: choose the folder of one of its runs, .*lr/seed_3\."),
    ],
)
def test_what_cannot_be_exported(compared, tmp_path, name, message):
    command = ("export", f"--run_dir={compared[name]}", f"--export_dir={tmp_path / '1'}")
    assert re.search(message, refused(*command))
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize("name", ["lr", "lightgbm"])
def test_rows_are_measured_as_in_the_comparison(copied, name):
    folder = copied("ctr", name)
    answer = amer("evaluate", f"--run_dir={folder}", "--split=test")
    assert answer.code == 0, answer.messages
    assert answer.result["system"] == name
    record = json.loads((folder / "record.json").read_text())
    assert answer.result["test"]["auc"] == pytest.approx(record["test"]["auc"], abs=1e-6)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["evaluate"]["test"] == answer.result["test"]
    assert metrics["seconds"] == record["seconds"]
    assert name in answer.messages


@pytest.mark.parametrize("name", ["popularity", "caser"])
def test_ranking_is_measured_as_in_the_comparison(copied, name):
    folder = copied("next_item", name)
    answer = amer("evaluate", f"--run_dir={folder}", "--candidates=full")
    assert answer.code == 0, answer.messages
    record = json.loads((folder / "record.json").read_text())["test"]["full"]
    assert answer.result["test"]["full"]["mrr"] == pytest.approx(record["mrr"], abs=1e-6)


def test_predictions_of_a_network_alone(copied, tmp_path):
    option = f"--predictions={tmp_path / 'scores.csv'}"
    folder = copied("next_item", "popularity")
    command = ("evaluate", f"--run_dir={folder}", FEW, option)
    assert "--predictions are those of a network, and popularity is none" in refused(*command)
    command = ("evaluate", f"--run_dir={folder.parent.parent / 'caser' / 'seed_3'}", FEW, option)
    assert amer(*command).result["predictions"] == str(tmp_path / "scores.csv")


def test_its_data_are_those_of_the_comparison(copied, tmp_path):
    folder = copied("ctr", "lr")
    data_dir = json.loads((folder.parent.parent / "data.json").read_text())["data_dir"]
    alone = shutil.copytree(folder, tmp_path / "alone")
    message = refused("evaluate", f"--run_dir={alone}")
    assert "does not say which data it was made on: give --data_dir" in message
    answer = amer("evaluate", f"--run_dir={alone}", f"--data_dir={data_dir}")
    assert answer.code == 0, answer.messages


def test_verbs_of_searches(compared):
    lr = compared["lr"]
    message = refused("evaluate", f"--run_dir={lr}", "--references")
    assert "--references are those of a search, and this run is of lr alone" in message
    data_dir = json.loads((compared["ctr"] / "data.json").read_text())["data_dir"]
    for command in (
        ("report", f"--run_dir={lr}"),
        ("search", f"--run_dir={lr}", f"--data_dir={data_dir}"),
    ):
        message = refused(*command)
        assert "must hold a search, and holds the hand-made system lr alone" in message
    message = refused("search", f"--run_dir={compared['ctr']}", f"--data_dir={data_dir}")
    assert "must hold one run, and holds a comparison" in message
