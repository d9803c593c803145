"""The page of a comparison."""

from __future__ import annotations

import sys

import pytest

from amer_tf.compare import tuning
from amer_tf.compare.page import page, write_page
from amer_tf.compare.tuning import Trial
from amer_tf.compare.verdict import verdict
from amer_tf.report.plots import MissingPackageError
from tests.compare import made
from tests.report.reading import Page

DATA = {"dataset": "frappe", "data_dir": "data/frappe", "digest": "abc"}


def test_the_page(tmp_path):
    result = made.comparison(tmp_path)
    file = write_page(result, DATA)
    shown = Page(file.read_text(encoding="utf-8"))
    assert shown.headings[0] == "Comparison: frappe"
    assert verdict(result) in shown.text
    rows = {row["System"]: row for row in shown.table("Test split")}
    assert set(rows) == {"AMER-23", "DeepFM", "LR"}
    assert rows["AMER-23"]["Runs"] == "2"
    gains = {row["System"]: row for row in shown.table("Over DeepFM")}
    assert set(gains) == {"AMER-23", "LR"}
    gain = result.difference(result.systems[0], result.best_reference, "auc")
    assert gains["AMER-23"]["AUC"] == f"{gain.value:.4f} ± {gain.error:.4f}"
    costs = {row["System"]: row for row in shown.table("Means over the runs")}
    assert costs["LR"]["256 rows, ms"] == "20.25"
    recipe = {row["What"]: row["Value"] for row in shown.table("All runs")}
    assert recipe["Time limit of a run"] == "10 min 00 s"
    assert recipe["Checksum of the data"] == "abc"
    assert "amer compare \\\n    --data_dir=data/frappe" in shown.text
    assert not {"What failed", "Settings that were tuned"} & set(shown.headings)


def test_failures_are_escaped_and_shown(tmp_path):
    text = page(made.comparison(tmp_path, {"lr": 1.0, "fm": 0.0}), {})
    assert "The loss is &lt;NaN&gt;." in text
    failures = Page(text).table("Runs that came to nothing")
    assert [row["System"] for row in failures] == ["FM", "FM"]


def test_nothing_was_measured(tmp_path):
    shown = Page(page(made.comparison(tmp_path, {"fm": 0.0}), {}))
    assert "No system has been measured." in shown.text
    assert "What failed" in shown.headings


def test_tuned_settings(tmp_path):
    choices = {"dropout": [0.0, 0.5]}
    result = made.comparison(tmp_path, tuning_trials=3, tuning_choices=choices)
    for record in result.records:
        record["changed"] = {"dropout": 0.5} if record["system"] == "lr" else {}
    tuning.write(result.run, {"lr": [Trial({}, 0.6)] * 3, "deepfm": [Trial({}, 0.6)]})
    rows = {row["System"]: row for row in Page(page(result, {})).table("Chosen settings")}
    assert [rows[name]["Trained"] for name in ("LR", "DeepFM")] == ["3", "1"]
    assert rows["LR"]["Settings"] == "Dropout 0.5"
    assert rows["DeepFM"]["Settings"] == "those of the preset"


def test_trials_that_failed_are_shown(tmp_path):
    result = made.comparison(tmp_path, tuning_trials=2)
    tuning.write(result.run, {"lr": [Trial({}, 0.6), Trial({}, None, "It <diverged>.")]})
    text = page(result, {})
    assert "It &lt;diverged&gt;." in text
    [row] = Page(text).table("Runs that came to nothing")
    assert (row["System"], row["Seed"]) == ("LR", "trial 1 of its tuning")


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="needs matplotlib"):
        write_page(made.comparison(tmp_path))
