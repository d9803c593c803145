"""Systems whose settings are chosen by trial before they stand side by side."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from amer_tf.compare import job, measuring, tuning
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.training.evaluation_batches import EvaluationError
from tests.compare.test_comparison import compare, lines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("quick_search", "no_latency"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]


def test_tuning_takes_the_best_trial(load_table, tmp_path):
    choices = {"learning_rate": (0.01, 1e-5), "dropout": (0.0, 0.1)}
    options = {"tuning_trials": 3, "tuning_choices": choices}
    result = compare(load_table, tmp_path, ["lr", "dnn"], **options)
    tried = json.loads((tmp_path / "tuning.json").read_text())
    assert set(tried) == {"lr", "dnn"}
    for name, trials in tried.items():
        assert trials[0]["changed"] == {}
        # An LR has neither hidden layers to drop nor embeddings.
        own = {"learning_rate", "l2"}
        if name == "dnn":
            own |= {"dropout", "embedding_dim"}
        assert all(set(trial["changed"]) == own for trial in trials[1:])
        best = max(trials, key=lambda trial: trial["score"])
        own = [line for line in result.records if line["system"] == name]
        assert [line["changed"] for line in own] == [best["changed"]] * 2
        # The best trial is the training of its seed, not one more.
        assert own[0]["score"] == best["score"]
        assert own[0]["run_dir"] == f"{name}/trial_{trials.index(best)}"
        assert own[1]["run_dir"] == f"{name}/seed_1"
    taken = {line["run_dir"] for line in result.records}
    for number in set(range(3)) - {int(name[-1]) for name in taken if "lr/trial" in name}:
        assert "test" not in record(tmp_path, "lr", number)
    assert lines(compare(load_table, tmp_path, ["lr", "dnn"], **options)) == lines(result)


def test_what_a_system_has_of_its_own_stays(load_table, tmp_path):
    options = {
        "seeds": (0,),
        "tuning_trials": 2,
        "tuning_choices": {"embedding_dim": (2,), "learning_rate": (0.02,)},
        "own": {"fm@wide": {"embedding_dim": 8}},
    }
    result = compare(load_table, tmp_path, ["fm", "fm@wide", "lightgbm"], **options)
    tried = {name: trials[1].changed for name, trials in result.trials.items()}
    assert tried["fm"].keys() == {"embedding_dim", "learning_rate", "l2"}
    assert tried["fm@wide"].keys() == {"learning_rate", "l2"}
    assert tried["lightgbm"].keys() == set(tuning.OWN_CHOICES["lightgbm"])
    for number in range(2):
        run = RunFolder(tmp_path / "fm@wide" / f"trial_{number}")
        assert run.read_json("config.json")["settings"]["embedding_dim"] == 8
    assert {result.num_trials(name) for name in tried} == {2}


def test_trials_keep_their_settings_when_one_is_tried_again(load_table, tmp_path, monkeypatch):
    options = {
        "seeds": (0,),
        "tuning_trials": 3,
        "tuning_choices": {"learning_rate": (0.01, 1e-3, 1e-4)},
    }
    described = job._described

    def full(each, result):
        if each.folder.name == "trial_1":
            raise RunError("No space left on device.")
        return described(each, result)

    with monkeypatch.context() as broken:
        broken.setattr(job, "_described", full)
        compare(load_table, tmp_path, ["lr"], **options)
    before = json.loads((tmp_path / "tuning.json").read_text())["lr"]
    assert [trial["score"] is None for trial in before] == [False, True, False]
    assert before[1]["reason"] == "No space left on device."
    compare(load_table, tmp_path, ["lr"], **options)
    after = json.loads((tmp_path / "tuning.json").read_text())["lr"]
    assert [trial["changed"] for trial in after] == [trial["changed"] for trial in before]
    assert all(trial["score"] is not None for trial in after)


def test_a_trial_keeps_its_score_when_its_test_fails(load_table, tmp_path, monkeypatch):
    options = {"seeds": (0,), "tuning_trials": 1}

    def broken(*arguments):
        raise EvaluationError("Scores are NaN.")

    monkeypatch.setattr(measuring, "measure", broken)
    failed = compare(load_table, tmp_path, ["lr"], **options)
    assert failed.systems[0].failures == {0: "Scores are NaN."}
    tried = (tmp_path / "tuning.json").read_text()
    compare(load_table, tmp_path, ["lr"], **options)
    assert (tmp_path / "tuning.json").read_text() == tried
    assert json.loads(tried)["lr"][0]["score"] > 0


def record(folder: pathlib.Path, system: str, trial: int) -> dict[str, Any]:
    return json.loads((folder / system / f"trial_{trial}" / job.RECORD_FILE).read_text())
