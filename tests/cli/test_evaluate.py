"""`amer evaluate`."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil

import numpy as np
import pytest

import data_pipelines
from amer_tf.search.result import SearchResult
from tests.cli.conftest import SETTINGS, amer, refused, swap_two_events
from tests.search import small_run

FEW = "--num_negatives=10"


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the run, which an evaluation may write to."""
    return shutil.copytree(run.folder, tmp_path / "run")


def evaluate(folder, *options):
    return ("evaluate", f"--run_dir={folder}", FEW, *options)


def test_all_modes_of_the_test_split(run, copied):
    answer = amer(*evaluate(copied))
    assert answer.code == 0, answer.messages
    test = answer.result["test"]
    assert list(test) == ["uniform", "popular", "full"]
    split = data_pipelines.load(run.data).test
    expected = SearchResult.load(run.folder).evaluate(split, candidates="popular", num_negatives=10)
    assert test["popular"] == expected
    assert test["popular"]["seed"] == 3
    assert answer.result["data_dir"] == str(run.data)
    assert "test, 44 users" in answer.messages


def test_results_are_added_to_the_metrics_of_the_run(copied):
    before = json.loads((copied / "metrics.json").read_text())
    first = amer(*evaluate(copied, "--candidates=uniform", "--references")).result
    second = amer(*evaluate(copied, "--candidates=full")).result
    third = amer(*evaluate(copied, "--candidates=full", "--split=validation")).result
    recorded = json.loads((copied / "metrics.json").read_text())
    assert recorded["evaluate"] == {
        "test": {**first["test"], **second["test"]},
        "validation": third["validation"],
    }
    assert recorded["references"] == first["references"]
    assert recorded["validation"] == before["validation"]


def test_references_are_measured_on_the_same_rows(run, copied):
    # On the validation split they are what the search has measured.
    result = amer(
        *evaluate(copied, "--candidates=uniform", "--split=validation", "--references")
    ).result
    board = SearchResult.load(run.folder).leaderboard().set_index("system")
    assert set(result["references"]) == {"popularity", "ease", "transformer"}
    for name, by_split in result["references"].items():
        metrics = by_split["validation"]["uniform"]
        assert metrics["digest"] == result["validation"]["uniform"]["digest"]
        assert metrics["ndcg@5"] == pytest.approx(board.loc[name, "ndcg@5"], abs=1e-6)


def test_another_seed_gives_other_candidates(copied):
    one, other = (
        amer(*evaluate(copied, "--candidates=uniform", f"--seed={seed}")).result["test"]["uniform"]
        for seed in (0, 1)
    )
    assert (one["seed"], other["seed"]) == (0, 1)
    assert one["digest"] != other["digest"]


def own_lists(run):
    """Raw ids of the true items and three others of each user of the test split."""
    data = data_pipelines.load(run.data)
    values = np.array(data.spec.vocabulary("item_id").read_values())
    batches = data.test.batches(44, candidates="uniform", num_negatives=3, seed=7)
    (_, labels), *_ = batches
    return data.test.users, values[np.asarray(labels["candidates"]) - 2]


def test_own_candidates_from_npy_and_csv(run, copied, tmp_path):
    users, lists = own_lists(run)
    np.save(tmp_path / "lists.npy", lists)
    with (tmp_path / "lists.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["user", "item", "candidate_1", "candidate_2", "candidate_3"])
        for user, row in reversed(list(zip(users, lists, strict=True))):
            writer.writerow([user, *row])
    answers = [
        amer(*evaluate(copied, f"--candidates=uniform,{tmp_path / name}")).result["test"]
        for name in ("lists.npy", "lists.csv")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["file"]["num_negatives"] == 3
    options = {"num_negatives": 3, "seed": 7}
    expected = SearchResult.load(run.folder).evaluate(data_pipelines.load(run.data).test, **options)
    assert answers[0]["file"]["mrr"] == expected["mrr"]


def test_predictions_of_lists(run, copied, tmp_path):
    _, lists = own_lists(run)
    np.save(tmp_path / "lists.npy", lists)
    command = evaluate(copied, f"--candidates={tmp_path / 'lists.npy'}")
    answer = amer(*command, f"--predictions={tmp_path / 'scores.npy'}")
    assert answer.result["predictions"] == str(tmp_path / "scores.npy")
    scores = np.load(tmp_path / "scores.npy")
    assert scores.shape == lists.shape
    rank = (scores > scores[:, :1]).sum(axis=1)
    assert np.mean(1 / (1 + rank)) == pytest.approx(answer.result["test"]["file"]["mrr"], abs=1e-6)

    amer(*command, f"--predictions={tmp_path / 'scores.csv'}")
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [int(row["item"]) for row in rows] == lists.ravel().tolist()
    np.testing.assert_allclose([float(row["score"]) for row in rows], scores.ravel(), rtol=1e-6)


def test_predictions_of_the_whole_catalogue_hold_the_best_unseen_items(run, copied, tmp_path):
    file = tmp_path / "best.csv"
    command = evaluate(copied, "--candidates=full", f"--predictions={file}", "--top_k=5")
    metrics = amer(*command).result["test"]["full"]
    data = data_pipelines.load(run.data)
    values = np.array(data.spec.vocabulary("item_id").read_values())
    (_, labels), *_ = data.test.batches(44, candidates="full")
    targets = dict(zip(data.test.users, values[np.asarray(labels["target"]) - 2], strict=True))
    seen = dict(zip(data.test.users, np.asarray(labels["seen"]), strict=True))
    best: dict[str, list[int]] = {}
    for row in csv.DictReader(file.open()):
        best.setdefault(row["user"], []).append(int(row["item"]))
    by_user = {str(user): user for user in data.test.users}
    assert set(best) == set(by_user)
    assert all(len(set(items)) == 5 for items in best.values())
    for name, items in best.items():
        had = [values[item - 2] for item in seen[by_user[name]] if item]
        assert not set(items) & set(had)
    hits = [targets[by_user[name]] in items for name, items in best.items()]
    assert np.mean(hits) == pytest.approx(metrics["hr@5"])


@pytest.fixture(scope="module")
def integers(quick_search, tmp_path_factory):
    """A folder with a finished run on items that are their own ids; from 20 on they are unknown."""
    folder = tmp_path_factory.mktemp("integers")
    table = {"task": "next_item", "files": {"events": "events.csv"}, "user": "who", "fields": []}
    item = {"column": "what", "source": "integer", "dtype": "int64", "size": 20}
    (folder / "shop.json").write_text(json.dumps({**table, "item": item}))
    rows = [f"{user},{(user + step) % 22}\n" for user in range(30) for step in range(6)]
    (folder / "events.csv").write_text("who,what\n" + "".join(rows))
    amer("prepare", f"--dataset={folder / 'shop.json'}", f"--data_dir={folder / 'data'}")
    command = ("search", f"--data_dir={folder / 'data'}", f"--run_dir={folder / 'run'}", *SETTINGS)
    answer = amer(*command, "--references=", "--set=num_finalists=1", "--set=final_epochs=0")
    assert answer.code == 0, answer.messages
    return folder


def test_items_that_are_their_own_ids(integers, tmp_path):
    data = data_pipelines.load(integers / "data")
    true = [(int(user) + 5) % 22 for user in data.test.users]
    lists = [[item, *((item + step) % 20 for step in (1, 2, 3))] for item in true]
    np.save(tmp_path / "lists.npy", np.array(lists))
    command = evaluate(integers / "run", f"--candidates={tmp_path / 'lists.npy'},full")
    answer = amer(*command, f"--predictions={tmp_path / 'scores.csv'}")
    assert answer.code == 0, answer.messages
    assert list(answer.result["test"]) == ["file", "full"]
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    # An item that the vocabulary does not know has no id.
    expected = [str(item) if item < 20 else "" for row in lists for item in row]
    assert [row["item"] for row in rows] == expected

    predictions = f"--predictions={tmp_path / 'best.csv'}"
    command = evaluate(integers / "run", "--candidates=full", predictions, "--top_k=4")
    assert amer(*command).code == 0
    best = [int(row["item"]) for row in csv.DictReader((tmp_path / "best.csv").open())]
    assert len(best) == 4 * 30
    assert set(best) <= set(range(20))


def test_the_result_of_one_user_is_json(integers, tmp_path):
    shutil.copy(integers / "shop.json", tmp_path)
    (tmp_path / "events.csv").write_text("who,what\n" + "".join(f"0,{item}\n" for item in range(6)))
    data = tmp_path / "one_user"
    assert amer("prepare", f"--dataset={tmp_path / 'shop.json'}", f"--data_dir={data}").code == 0
    answer = amer(*evaluate(integers / "run", "--candidates=full", f"--data_dir={data}"))
    assert answer.code == 0, answer.messages

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    result = json.loads(answer.output.splitlines()[-1], parse_constant=refuse)
    assert result["test"]["full"]["count"] == 1
    assert result["test"]["full"]["standard_errors"]["ndcg@5"] is None
    assert "test, 1 user " in answer.messages


def test_the_data_may_have_moved(run, copied, tmp_path):
    moved = shutil.copytree(run.data, tmp_path / "moved")
    (copied / "data.json").unlink()
    message = refused(*evaluate(copied))
    assert "does not say which data it was made on: give --data_dir" in message
    answer = amer(*evaluate(copied, "--candidates=full", f"--data_dir={moved}"))
    assert answer.code == 0
    assert answer.result["data_dir"] == str(moved)


def test_other_data_with_the_same_spec_are_told(run, copied, tmp_path):
    swap_two_events(run.source / "Beauty.txt", tmp_path / "Beauty.txt")
    data_pipelines.prepare("amazon_beauty", tmp_path, tmp_path / "data")
    answer = amer(*evaluate(copied, "--candidates=full", f"--data_dir={tmp_path / 'data'}"))
    assert answer.code == 0
    assert "is not as it was when the run was made" in answer.messages


def test_another_data_set_is_refused(copied, tmp_path):
    small_run.prepare(tmp_path / "other", first_item=500)
    message = refused(*evaluate(copied, f"--data_dir={tmp_path / 'other' / 'data'}"))
    assert "must have the spec that the run was made with" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--candidates=uniform,a.npy,b.npy"], "among uniform, popular, full and at most one file"),
        (["--candidates="], "among uniform, popular, full and at most one file"),
        (["--candidates=random"], "read from .npy or .csv. Received: random"),
        (["--candidates=missing.npy"], "Candidates cannot be read: .*missing.npy"),
        (["--predictions=scores.txt"], "written to .csv or .npy. Received: 'scores.txt'"),
        (
            ["--candidates=full", "--predictions=no/such/folder/scores.csv"],
            "a folder that is there and may be written to. Received: .*=no/such/folder/scores.csv",
        ),
        (["--num_negatives=90"], "at least `num_negatives` items .* num_negatives=90"),
        (["--data_dir=no/such/folder"], "must hold data.json.*no/such/folder"),
    ],
)
def test_wrong_arguments(copied, options, message):
    before = (copied / "metrics.json").read_bytes()
    assert re.search(message, refused(*evaluate(copied, *options)))
    assert (copied / "metrics.json").read_bytes() == before


def test_a_place_for_predictions_is_tried_first(copied, tmp_path, monkeypatch):
    (tmp_path / "scores.csv").mkdir()
    message = "--predictions must be a file in a folder"
    assert message in refused(*evaluate(copied, f"--predictions={tmp_path / 'scores.csv'}"))
    # A test that runs as root may write anywhere, so the operating system's answer is made up.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert message in refused(*evaluate(copied, f"--predictions={tmp_path / 'scores.npy'}"))


def test_what_was_measured_outlives_predictions_that_cannot_be_written(
    copied, tmp_path, monkeypatch
):
    def refuse(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", refuse)
    command = evaluate(copied, "--candidates=full", f"--predictions={tmp_path / 'scores.npy'}")
    answer = amer(*command)
    assert answer.code == 2
    assert re.search("Predictions cannot be written.*No space left", answer.messages)
    recorded = json.loads((copied / "metrics.json").read_text())
    assert list(recorded["evaluate"]["test"]) == ["full"]


def test_a_run_that_has_not_finished_is_refused(copied, tmp_path):
    assert "There is no run in this folder" in refused(*evaluate(tmp_path / "nothing"))
    (copied / "metrics.json").unlink()
    assert "The run has not finished: metrics.json is not there" in refused(*evaluate(copied))
