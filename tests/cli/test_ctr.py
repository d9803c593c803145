"""A whole run of task ctr on the command line, from raw files on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import data_pipelines
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.result import SearchResult
from tests.cli.conftest import Run, amer, refused
from tests.search import small_ctr_run

SETTINGS = [
    f"--set={name}={','.join(map(str, value)) if isinstance(value, list) else value}"
    for name, value in small_ctr_run.SETTINGS.to_dict().items()
    if name != "references"
]


@pytest.fixture(scope="module")
def run(quick_search, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("ctr")
    small_ctr_run.prepare(folder)
    source, data, run_dir = folder / "source", folder / "prepared", folder / "run"
    prepared = amer("prepare", f"--dataset={source / 'planted.json'}", f"--data_dir={data}")
    steps = "--steps=interaction,mlp"
    searched = amer(
        "search", f"--data_dir={data}", f"--run_dir={run_dir}", "--seed=3", steps, *SETTINGS
    )
    assert (prepared.code, searched.code) == (0, 0), prepared.messages + searched.messages
    return Run(source, data, run_dir, prepared, searched)


def test_search(run):
    result = SearchResult.load(run.folder)
    assert isinstance(result, CtrResult)
    assert run.searched.result == json.loads(json.dumps(result.summary()))
    assert run.searched.result["validation"]["auc"] == result.score
    messages = run.searched.messages
    # The title is broken where the table is narrower.
    title = " ".join(messages.partition("Interactions in")[2].split())
    assert title.startswith("the order in which they were chosen, each gain on top of those above")
    for text in result.interactions()["interaction"]:
        assert text in messages
    assert f"Found: {result.architecture}" in messages
    for system in ("Found by the search", "DNN", "DeepFM"):
        assert f"│ {system} " in messages


def test_evaluate(run):
    answer = amer("evaluate", f"--run_dir={run.folder}", "--split=test", "--references")
    assert answer.code == 0, answer.messages
    measured = answer.result["test"]
    assert set(measured) >= {"auc", "log_loss", "calibration", "count"}
    assert set(answer.result["references"]) == {"dnn", "deepfm"}
    assert "Calibration" in answer.messages
    # The bins of the first system alone are printed for people; the JSON has those of all.
    assert all(len(line) <= 140 for line in answer.messages.splitlines())
    assert answer.messages.count("Calibration") == 1
    assert all(metrics["test"]["calibration"] for metrics in answer.result["references"].values())
    recorded = json.loads((run.folder / "metrics.json").read_text())
    assert recorded["evaluate"]["test"] == measured
    assert recorded["references"]["dnn"]["test"] == answer.result["references"]["dnn"]["test"]


def test_refused(run, tmp_path):
    for option in (f"--predictions={tmp_path / 'file.csv'}", "--candidates=full", "--seed=3"):
        name = option.partition("=")[0]
        message = refused("evaluate", f"--run_dir={run.folder}", option)
        assert f"{name} is about candidates of task next_item, and this run is of" in message
    folders = (f"--data_dir={run.data}", f"--run_dir={tmp_path / 'run'}")
    message = refused("search", *folders, "--steps=behavior")
    assert "`steps` must be among ('interaction', 'mlp') for task 'ctr'" in message
    message = refused("search", *folders, "--set=supernet_epochs=3")
    assert "There is no setting of this name" in message


def test_export(run, tmp_path):
    answer = amer("export", f"--run_dir={run.folder}", f"--export_dir={tmp_path / 'export' / '1'}")
    assert answer.code == 0, answer.messages
    served = tf.saved_model.load(answer.result["export_dir"]).signatures["serving_default"]
    # The raw rows of the source file, in their order; each is in one of the splits.
    table = pd.read_csv(run.source / "planted.csv")
    [*_, inputs] = served.structured_input_signature
    request = {
        name: tf.constant(table[name].to_list(), spec.dtype) for name, spec in inputs.items()
    }
    answered = np.sort(served(**request)["logit"].numpy())
    data, result = data_pipelines.load(run.data), SearchResult.load(run.folder)
    for split in (data.validation, data.test):
        logits = result.evaluator.logits(split)
        nearest = np.abs(answered[:, None] - logits).min(axis=0)
        np.testing.assert_allclose(nearest, 0.0, atol=1e-6)


def test_bad_rows(tmp_path):
    (tmp_path / "rows.csv").write_text("y,a,b\n" + "0,x,1\n1,z,2\n" * 30 + "1,x\n")
    (tmp_path / "rows.yaml").write_text(
        "{task: ctr, files: {events: rows.csv}, label: y, fields: [a, b]}"
    )
    command = ("prepare", f"--dataset={tmp_path / 'rows.yaml'}", f"--data_dir={tmp_path / 'data'}")
    assert "rows.csv, line 62, must have 3 cells" in refused(*command)
    answer = amer(*command, "--bad_rows=skip")
    assert answer.result["counts"]["skipped_rows"] == 1
    assert "rows.csv: 1 rows do not have 3 cells and were left out" in answer.messages
