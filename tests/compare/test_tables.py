"""Tables and sentences of a comparison."""

from __future__ import annotations

import json
import re

import numpy as np

from amer_tf.compare import tuning
from amer_tf.compare.page import page
from amer_tf.compare.result import ComparisonResult
from amer_tf.compare.tables import markdown, table, verdict, write_tables
from amer_tf.compare.tuning import Trial
from tests.compare import made


def cells(text: str, first: str) -> list[str]:
    """The cells of the line that begins so."""
    [line] = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_layout_of_the_paper(tmp_path):
    """Hand-made systems and then ours in columns, metrics in rows, the best one bold."""
    result = made.comparison(tmp_path)
    text = markdown(result)
    assert cells(text, "")[1:] == ["DeepFM", "LR", "AMER-23"]
    known = {system.name: system for system in result.systems}
    for label, metric in (("AUC", "auc"), ("log loss", "log_loss")):
        values = known["amer-23"].values(metric)
        expected = f"**{np.mean(values):.4f}** ± {np.std(values, ddof=1):.4f}"
        found = cells(text, label)
        assert found[3] == expected
        assert not any("**" in cell for cell in found[:3])
    assert cells(text, "AMER-23")[-4:] == ["1,000", "90", "1.50", "20.25"]
    assert write_tables(result).read_text() == text


def test_a_reference_that_is_ahead_is_named_first(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 0.2, "deepfm": 1.0, "lr": 0.6})
    text = verdict(result)
    gain = result.difference(result.systems[0], result.systems[2], "auc")
    assert text.startswith("DeepFM is first: AUC 0.9")
    assert f"It is {gain.value:.4f} ahead of AMER-23 (standard error {gain.error:.4f}," in text
    assert text.endswith("more than chance.")


def test_one_run_and_failures_are_part_of_the_verdict(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 1.0, "deepfm": 0.5, "fm": 0.0}, num_seeds=1)
    text = verdict(result)
    assert "Runs that failed, and do not count: of FM." in text
    assert text.endswith("how much its seed gave it: another one may give another order.")
    assert "another one" not in verdict(made.comparison(tmp_path / "two"))


def test_trainings_that_a_limit_ended_are_named(tmp_path):
    made.comparison(tmp_path)
    file = tmp_path / "results.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        if (record["system"], record["seed"]) == ("lr", 1):
            record["cut_after"] = 3
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    text = verdict(ComparisonResult(tmp_path))
    assert "The time limit ended trainings of LR: to their end they may be better." in text


def test_what_may_be_chance_is_said_to_be(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 0.5, "deepfm": 0.5})
    assert verdict(result).endswith("which may be chance.")
    [p] = re.findall(r"p = ([0-9.]+)", verdict(result))
    assert float(p) > 0.05


def test_a_single_run_of_a_single_system(tmp_path):
    text = verdict(made.comparison(tmp_path, {"lr": 1.0}, num_seeds=1))
    assert re.match(r"LR is first: AUC 0\.\d{4} on the test split, mean of 1 run\. Of one", text)


def test_what_failed_has_its_reason(tmp_path):
    result = made.comparison(tmp_path, {"lr": 1.0, "fm": 0.0})
    text = markdown(result)
    assert cells(text, "AUC")[2] == "failed"
    assert "- FM, seed 1: The loss is <NaN>." in text
    assert "| FM |" not in text.partition("Gain")[2]
    assert list(result.table()["runs"]) == [2, 0]


def test_why_a_system_has_no_latency(tmp_path):
    result = made.comparison(tmp_path)
    assert "latency:" not in markdown(result)
    for record in result.systems[1].records:
        record["latency_ms"] = {"reason": "the disk is full"}
    assert "Without a latency:\n\n- DeepFM: the disk is full\n" in markdown(result)
    assert "DeepFM has no latency: the disk is full." in page(result, {})


def test_of_what_a_latency_is_that_is_no_exported_model(tmp_path):
    result = made.comparison(tmp_path)
    assert "timed:" not in markdown(result)
    for record in result.systems[1].records:
        record["latency_ms"] = {**record["latency_ms"], "note": "its own library"}
    assert "Calls that were timed:\n\n- DeepFM: its own library" in markdown(result)
    assert "The latency of DeepFM is that of its own library." in page(result, {})
    assert "Without a latency" not in markdown(result)


def test_without_hand_made_systems_there_is_no_gain(tmp_path):
    result = made.comparison(tmp_path, {"amer-2": 1.0, "amer-3": 0.5})
    assert result.best_reference is None
    assert "gain over" not in markdown(result)
    assert "ahead of AMER-3" in verdict(result)


def test_bars_are_escaped():
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"


def test_trials_that_failed_are_told(tmp_path):
    result = made.comparison(tmp_path, tuning_trials=2)
    failed = Trial({"dropout": 0.5}, None, "The loss is nan.")
    tuning.write(result.run, {"lr": [Trial({}, 0.6), failed], "deepfm": [Trial({}, 0.6)]})
    assert "Failed:\n\n- LR, trial 1 of its tuning: The loss is nan." in markdown(result)
    told = {row["system"]: row.get("failed_trials") for row in result.summary()}
    assert told == {"amer-23": None, "deepfm": None, "lr": {1: "The loss is nan."}}


def test_trials_of_older_versions_did_not_say_why_they_failed(tmp_path):
    result = made.comparison(tmp_path, tuning_trials=2)
    (tmp_path / "tuning.json").write_text('{"lr": [{"changed": {}, "score": null}]}')
    assert "- LR, trial 0 of its tuning: see record.json in its folder trial_0" in markdown(result)
