"""`amer search`."""

from __future__ import annotations

import json
import re
import shutil

import pytest

import data_pipelines
from amer_tf.architecture import Architecture
from amer_tf.search.result import SearchResult
from amer_tf.search.state import RunFolder
from tests.cli.conftest import SETTINGS, amer, refused, swap_two_events
from tests.search import small_run

METRICS = ("hr@1", "hr@5", "ndcg@5", "mrr")


def search(run, folder, *options, data=None, seed=3):
    return (
        "search",
        f"--data_dir={data or run.data}",
        f"--run_dir={folder}",
        f"--seed={seed}",
        *SETTINGS,
        *options,
    )


def test_the_result_is_that_of_the_run(run):
    result = run.searched.result
    found = SearchResult.load(run.folder)
    assert result == found.summary()
    assert Architecture.from_dict(result["architecture"]) == found.architecture
    assert set(METRICS) < set(result["validation"]["uniform"])
    assert result["score"] == result["validation"]["uniform"]["ndcg@5"]


def test_flags_arrive_in_the_run(run):
    config = SearchResult.load(run.folder).config
    assert config["seed"] == 3
    assert config["settings"]["embedding_dim"] == small_run.SETTINGS.embedding_dim
    assert config["settings"]["learning_rate"] == small_run.SETTINGS.learning_rate
    assert config["settings"]["references"] == ["popularity", "ease", "transformer"]


def test_people_see_progress_and_the_leaderboard(run):
    messages = run.searched.messages
    for phase in ("Training the supernet", "Scoring architectures", "Scoring the references"):
        assert re.search(rf"{phase}: +100%", messages), phase
    assert "Validation, 44 users, each among 10 uniform negatives" in messages
    for system in ("Popularity", "EASE", "Transformer"):
        assert re.search(rf"│ +│ {system} +│ made by hand +│ 0\.", messages)
    board = SearchResult.load(run.folder).leaderboard()
    own = re.findall("│ (?:Found by the search|Variant: other blocks) ", messages)
    assert len(own) == sum(board["system"] == "amer")
    [marked] = [line for line in messages.splitlines() if line.startswith("│ * │")]
    assert marked.startswith("│ * │ Found by the search ")
    assert f" {SearchResult.load(run.folder).score:.4f} " in marked
    assert "* is the result; variants are what else was tried out for it." in messages
    assert f"Found: {SearchResult.load(run.folder).architecture}" in messages


def test_the_data_are_recorded(run):
    recorded = json.loads((run.folder / "data.json").read_text())
    assert recorded["data_dir"] == str(run.data)
    assert recorded["dataset"] == "amazon_beauty"
    assert recorded["counts"] == data_pipelines.load(run.data).counts


def test_a_finished_run_answers_the_same_again(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")
    before = (tmp_path / "run" / "trials.jsonl").read_bytes()
    amer("evaluate", f"--run_dir={tmp_path / 'run'}", "--candidates=full")
    again = amer(*search(run, tmp_path / "run")).result
    known = {**run.searched.result, "run_dir": str(tmp_path / "run")}
    assert {**again, "seconds": 0} == {**known, "seconds": 0}
    assert (tmp_path / "run" / "trials.jsonl").read_bytes() == before
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["evaluate"]["test"]) == {"full"}


def test_a_finished_run_is_audited(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")
    answer = amer(*search(run, tmp_path / "run", "--audit=5"))
    assert answer.code == 0, answer.messages
    audit = answer.result["audit"]
    assert audit == json.loads(json.dumps(SearchResult.load(tmp_path / "run").summary()["audit"]))
    [step] = audit["steps"]
    assert step["correlation"]["count"] == 5
    assert audit["verdict"] in answer.messages
    assert re.search(r"│ behavior +│ ndcg@5 +│ +5 │", answer.messages)
    assert "Starting from inherited weights" in answer.messages
    unchanged = ("architecture", "training", "score", "validation")
    assert [answer.result[key] for key in unchanged] == [
        run.searched.result[key] for key in unchanged
    ]
    assert run.searched.result["audit"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--audit=3"], "`audit` must be 0 or a whole number of at least 5.*Received: audit=3"),
        (["--audit=9"], "`audit` must be at most 8.*Received: audit=9"),
        (["--audit=-1"], "audit"),
        (["--set=embedding_dim"], "must be written as --set=name=value"),
        (["--set=embedding=8"], "no setting of this name; known are .*Received: 'embedding'"),
        (["--set=patience=0.5"], "`patience` must be a whole number. Received: patience='0.5'"),
        (["--set=l2=many"], "`l2` must be a number. Received: l2='many'"),
        (["--set=l2=-1"], "`l2` must be a number of at least 0. Received: l2=-1.0"),
        (["--set=loss=hinge"], "`loss` must be one of softmax, gbce, binary"),
        (["--set=num_block=8"], r"Did you mean num_blocks\? Received: 'num_block'"),
        (["--references=eese"], r"Did you mean ease\? Received: references="),
        (["--steps=behaviour"], r"Did you mean behavior\? Received: steps="),
        (["--max_params=100"], "No model of this search is within the limits: .*max_params=100"),
        (["--references=ease,markov"], "`references` must be .*'markov'"),
        (["--steps=mlp"], r"`steps` must be .*Received: steps=\('mlp',\)"),
        (["--time_limit=soon"], "duration must be a positive number of seconds.*'soon'"),
        (["--time_limit=0s"], "duration must be a positive number of seconds.*'0s'"),
    ],
)
def test_wrong_arguments(run, tmp_path, options, message):
    assert re.search(message, refused(*search(run, tmp_path / "run", *options)))
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_its_own_arguments_only(run):
    assert "another seed: 3" in refused(*search(run, run.folder, seed=4))
    message = refused(*search(run, run.folder, "--set=drop_operation=0.7"))
    assert "another settings.drop_operation: 0.2" in message


def test_a_run_of_another_data_set_is_refused(run, tmp_path):
    small_run.prepare(tmp_path, first_item=500)
    message = refused(*search(run, run.folder, data=tmp_path / "data"))
    assert "holds a run with another spec" in message


def test_a_run_on_other_events_of_the_same_items_is_refused(run, tmp_path):
    swap_two_events(run.source / "Beauty.txt", tmp_path / "Beauty.txt")
    data_pipelines.prepare("amazon_beauty", tmp_path, tmp_path / "data")
    message = refused(*search(run, run.folder, data=tmp_path / "data"))
    assert re.search(f"holds a run on other data: {run.data}, digest .*Received:", message)


def test_references_can_be_chosen(run, tmp_path):
    changes = ("--references=popularity", "--set=num_finalists=0", "--set=final_epochs=0")
    answer = amer(*search(run, tmp_path / "run", *changes))
    assert answer.code == 0, answer.messages
    board = SearchResult.load(tmp_path / "run").leaderboard()
    assert set(board["system"]) == {"amer", "popularity"}
    assert set(board["training"]) == {"inherited", ""}


def test_too_large_data_leave_ease_out_and_say_so(run, tmp_path, monkeypatch):
    monkeypatch.setattr("amer_tf.search.references.MAX_EASE_ITEMS", 10)
    shutil.copytree(run.folder, tmp_path / "run")
    # As if it had been killed before it scored EASE.
    (tmp_path / "run" / "metrics.json").unlink()
    file = tmp_path / "run" / "trials.jsonl"
    trials = RunFolder(tmp_path / "run").trials()
    kept = [json.dumps(trial) + "\n" for trial in trials if trial.get("name") != "ease"]
    file.write_text("".join(kept))
    answer = amer(*search(run, tmp_path / "run"))
    assert answer.code == 0
    assert re.search("ease is left out: its matrix of all pairs of 26 items", answer.messages)
    assert "│ EASE " not in answer.messages
    assert "│ Popularity " in answer.messages


def test_a_diverging_training_says_what_to_change(run, tmp_path):
    folder = tmp_path / "run"
    answer = amer(*search(run, folder, "--set=supernet_learning_rate=1e30"))
    assert answer.code == 2
    assert answer.output == ""
    last = answer.messages.splitlines()[-1]
    assert re.search("^amer search: The loss is .*Lower the learning rate", last), last
    assert {trial["kind"] for trial in RunFolder(folder).trials()} == {"reference"}


def test_a_data_folder_is_left_alone(run):
    before = sorted(run.data.rglob("*"))
    message = refused(*search(run, run.data))
    assert "--run_dir must be another folder than those of data" in message
    assert sorted(run.data.rglob("*")) == before
