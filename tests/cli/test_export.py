"""`amer export`."""

from __future__ import annotations

import shutil

import numpy as np
import tensorflow as tf

import data_pipelines
from amer_tf.search.result import SearchResult
from tests.cli.conftest import amer, refused


def test_the_export_answers_as_the_model_of_the_run(run, tmp_path):
    folder = tmp_path / "serving" / "1"
    answer = amer("export", f"--run_dir={run.folder}", f"--export_dir={folder}", "--top_k=4")
    assert answer.code == 0, answer.messages
    result = SearchResult.load(run.folder)
    assert answer.result["export_dir"] == str(folder)
    assert answer.result["top_k"] == 4
    assert answer.result["architecture"] == result.architecture.to_dict()

    data = data_pipelines.load(run.data)
    values = np.array(data.spec.vocabulary("item_id").read_values())
    (inputs, labels), *_ = data.test.batches(44, candidates="uniform", num_negatives=5)
    ids = np.asarray(inputs["history_item_id"])
    history = np.where(ids > 0, values[np.maximum(ids, 2) - 2], -1)
    candidates = values[np.asarray(labels["candidates"]) - 2]
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    scores = served(history_item_id=tf.constant(history), item_id=tf.constant(candidates))
    expected = result.model({**inputs, "item_id": labels["candidates"]}, training=False)
    np.testing.assert_allclose(scores["scores"], expected, atol=1e-5)


def test_the_same_export_again_changes_nothing(run, tmp_path):
    command = ("export", f"--run_dir={run.folder}", f"--export_dir={tmp_path / '1'}")
    assert amer(*command).code == 0
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "1").rglob("*")}
    assert amer(*command).code == 0
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "1").rglob("*")} == before
    # Another export than that of the number gets the next one.
    assert amer(*command, "--top_k=3").code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1", "2"]
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "1").rglob("*")} == before


def test_a_folder_with_something_else_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    message = refused("export", f"--run_dir={run.folder}", f"--export_dir={tmp_path}")
    assert "which holds something else" in message
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_has_not_finished_is_refused(run, tmp_path):
    copied = shutil.copytree(run.folder, tmp_path / "run")
    (copied / "metrics.json").unlink()
    message = refused("export", f"--run_dir={copied}", f"--export_dir={tmp_path / '1'}")
    assert "The run has not finished: metrics.json is not there" in message
    assert not (tmp_path / "1").exists()
