"""Tables and sentences of a comparison."""

from __future__ import annotations

import json

import numpy as np

from amer_tf.compare import tuning
from amer_tf.compare.page import page
from amer_tf.compare.tables import markdown, table, write_tables
from amer_tf.compare.tuning import Trial
from amer_tf.compare.verdict import verdict
from amer_tf.search.ctr_settings import CtrSettings
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


def test_what_a_limit_did_to_a_search(tmp_path):
    result = made.comparison(tmp_path)
    for system in result.systems:
        for record in system.records:
            if (system.name, record["seed"]) == ("amer-23", 1):
                left_out = {"finetuning": 1, "scratch": 2}
                record["limit"] = {"left_out": left_out, "seconds_over": 90.0}
    text = verdict(result)
    assert (
        "The time limit left no time for final trainings of AMER-23 (fine-tuning, training from "
        "new weights). Runs exceeded the limit of 10 min 00 s: AMER-23 by 1 min 30 s at most."
    ) in text
    how = "fine-tuning was left out; training from new weights was left out 2 times; 1 min 30 s"
    assert (
        f"What the time limit of 10 min 00 s has changed:\n\n- AMER-23, seed 1: {how} longer"
        in markdown(result)
    )
    assert f"{how} longer than the limit" in page(result, {})


def test_what_has_not_been_trained_yet(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 1.0, "deepfm": 0.7, "lr": 0.3, "fm": 0.0})
    for system in result.systems:
        if system.name == "lr":
            system.records.clear()
        elif system.name == "deepfm":
            system.records.pop()
    text = markdown(result)
    assert cells(text, "AUC")[2:4] == ["not yet", "failed"]
    said = verdict(result)
    assert (
        "Runs that failed, and do not count: of FM. Not trained yet: 1 run of DeepFM, 2 runs of "
        "LR; the same command goes on with them. The systems have different numbers of runs: "
        "AMER-23 2, DeepFM 1. Of one run" in said
    )
    assert "Not trained yet" not in verdict(made.comparison(tmp_path / "all"))
    assert "different numbers" not in verdict(made.comparison(tmp_path / "again"))


def test_numbers_of_any_size(tmp_path):
    result = made.comparison(tmp_path)
    made.change_tests(result, "lr", lambda test: {**test, "log_loss": 4.5e21})
    assert cells(markdown(result), "log loss")[2] == "4.5e+21 ± 0.0000"


def test_how_the_tables_are_read(tmp_path):
    text = markdown(made.comparison(tmp_path))
    assert "Means over the runs, ± their standard deviation; a single run has none." in text
    assert "p is the chance of a difference as large" in text
    assert "LightGBM's parameters are its trees." in text
    assert "log loss is how far the predicted chances are from what happened" in text


def test_the_recipe(tmp_path):
    result = made.comparison(
        tmp_path,
        {"amer-23": 1.0, "deepfm": 0.7, "deepfm@wide": 0.3},
        settings=CtrSettings(dropout=0.25).to_dict(),
        own={"deepfm@wide": {"l2": 0.5}},
        tuning_trials=3,
        tuning_choices={"dropout": [0.0, 0.5]},
    )
    for record in result.records:
        record["changed"] = {"dropout": 0.5}
        record["workers"] = 2
    data = {"dataset": "frappe", "data_dir": "data/frappe", "digest": "abc"}
    (tmp_path / "data.json").write_text(json.dumps(data))
    text = markdown(result)
    recipe = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1].strip(" |")
        for line in text.partition("Recipe:")[2].splitlines()
        if line.startswith("| ")
    }
    assert recipe["Data set"] == "frappe"
    assert recipe["Checksum of the data"] == "abc"
    assert recipe["Seeds"] == "0, 1"
    assert recipe["Preset"] == "standard"
    assert recipe["Settings that differ from the preset"] == "dropout = 0.25"
    assert recipe["Time limit of a run"] == "10 min 00 s"
    assert recipe["Runs at a time"] == "2"
    assert recipe["Tuning"].endswith("the preset's settings first: dropout of 0.0, 0.5")
    assert "Settings of their own:\n\n- DeepFM (wide): l2 = 0.5\n" in text
    assert "Settings that tuning has chosen:\n\n- AMER-23: Dropout 0.5\n" in text
    assert "```\namer compare \\\n    --data_dir=data/frappe \\\n" in text


def test_what_is_not_known_of_the_data(tmp_path):
    text = markdown(made.comparison(tmp_path))
    assert "| Checksum of the data | not recorded |" in text
    assert "--data_dir=DATA_DIR" in text
    assert "Runs at a time" not in text


def test_a_description_of_the_data(tmp_path):
    result = made.comparison(tmp_path)
    prepare = ["amer", "prepare", "--dataset=DESCRIPTION_FILE"]
    known = {"prepare": prepare, "description": {"name": "shop"}}
    (tmp_path / "data.json").write_text(json.dumps(known))
    text = markdown(result)
    assert "```\namer prepare \\\n    --dataset=DESCRIPTION_FILE\namer compare" in text
    assert "DESCRIPTION_FILE is `description` in `data.json` beside this file." in text
    assert "&quot;name&quot;: &quot;shop&quot;" in page(result, known)


def test_times_that_are_no_measure(tmp_path):
    result = made.comparison(tmp_path)
    assert "shared the cores" not in markdown(result)
    for system in result.systems:
        for record in system.records:
            record["workers"] = 1 if system.name == "lr" else 4
    result.systems[0].records[1]["resumed"] = True
    assert (
        "Runs of AMER-23, DeepFM went 4 at a time and shared the cores: how long they took"
        in markdown(result)
    )
    assert "Runs of AMER-23 were interrupted and went on later: " in page(result, {})


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
