"""What a finished run tells, and what is wrong with one that cannot be opened."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from amer_tf.search.result import LEADERBOARD_KINDS, SearchResult
from amer_tf.search.run_error import RunError
from tests.search import small_run


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run, to be damaged."""
    return shutil.copytree(finished.run.path, tmp_path / "copy")


def test_leaderboard(finished):
    table = finished.leaderboard(architectures=True)
    assert list(table.columns) == [
        *("system", "training", "ndcg@5", "standard_error", "hr@1", "hr@5", "mrr"),
        *("parameters", "variant", "architecture"),
    ]
    assert table.drop(columns=["variant", "architecture"]).equals(finished.leaderboard())
    assert len(table) == 3 + 2 + 2 + 1 + 3
    assert table["ndcg@5"].is_monotonic_decreasing
    assert set(table["system"]) == {"amer", "popularity", "ease", "transformer"}
    assert set(table["training"]) == {*LEADERBOARD_KINDS[:-1], ""}
    own = table[table["system"] == "amer"]
    assert own["ndcg@5"].iloc[0] == finished.score
    assert own["training"].iloc[0] == finished.best_trial["kind"]
    assert own["architecture"].iloc[0] == str(finished.architecture)
    is_found = own["architecture"] == str(finished.architecture)
    assert set(own[is_found]["variant"]) == {"Found by the search"}
    assert set(own[~is_found]["variant"]) == {"Variant: other blocks"}
    assert own["parameters"].iloc[0] == finished.model.count_params()
    assert table[table["system"] == "popularity"]["parameters"].isna().all()
    others = table[table["system"] != "amer"]
    assert (others["architecture"] == "").all()
    assert (others["variant"] == "").all()
    assert (others["training"] == "").all()


@pytest.mark.parametrize("kind", ["finished", "finished_hybrid"])
def test_a_printed_leaderboard_shows_the_scores(kind, request):
    """As in a terminal of 80 columns, where pandas leaves out the columns in the middle."""
    result = request.getfixturevalue(kind)
    with pd.option_context("display.width", 80, "display.max_columns", 0):
        head, *lines = repr(result.leaderboard()).splitlines()
    for name in ("system", "training", result.RANKED_BY):
        assert name in head
    assert f"{result.score:.6f}" in "\n".join(lines)


def test_summary(finished):
    summary = finished.summary()
    assert summary["run_dir"] == str(finished.run.path)
    assert summary["score"] == finished.score
    assert summary["standard_error"] == finished.standard_error > 0.0
    assert summary["training"] == finished.training == finished.best_trial["kind"]
    assert summary["training"] == finished.best_trial["kind"]
    assert summary["architecture"] == finished.architecture.to_dict()
    assert summary["validation"]["uniform"]["ndcg@5"] == finished.score


def test_a_score_of_one_user_has_no_standard_error(copy):
    log = copy / "trials.jsonl"
    trials = [json.loads(line) for line in log.read_text().splitlines()]
    lines = [json.dumps({**trial, "standard_error": None}) + "\n" for trial in trials]
    log.write_text("".join(lines))
    result = SearchResult.load(copy)
    assert result.standard_error is None
    assert json.loads(json.dumps(result.summary(), allow_nan=False))["standard_error"] is None
    assert result.leaderboard()["standard_error"].isna().all()


def test_evaluation_of_the_best_model(finished, data):
    own = finished.evaluate(data.validation, num_negatives=10)
    assert own["ndcg@5"] == pytest.approx(finished.score, abs=1e-6)
    assert own["seed"] == small_run.SEED
    assert finished.evaluate(data.validation, num_negatives=10, seed=8)["digest"] != own["digest"]
    full = finished.evaluate(data.test, candidates="full")
    assert (full["mode"], full["count"]) == ("full", small_run.NUM_USERS)


def test_a_result_is_loaded_without_the_search(finished):
    again = SearchResult.load(str(finished.run.path))
    assert again.summary() == finished.summary()
    assert again.spec == finished.spec
    inputs = {
        "history_item_id": np.array([[3, 4, 5, 0, 0, 0]], "int32"),
        "item_id": np.array([[6, 7]], "int32"),
    }
    np.testing.assert_array_equal(again.model(inputs), finished.model(inputs))


def test_a_result_in_a_folder_that_cannot_be_written(copy, monkeypatch, finished):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(os, "truncate", lambda *args: pytest.fail("changed the folder"))
    assert SearchResult.load(copy).score == finished.score


def test_no_run(tmp_path):
    with pytest.raises(RunError, match=r"no run in this folder.*Received: run_dir='.*nothing'"):
        SearchResult.load(tmp_path / "nothing")


def test_an_unfinished_run(copy):
    (copy / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"not finished: metrics\.json is .*same search command"):
        SearchResult.load(copy)


@pytest.mark.parametrize("name", ["model.keras", "architecture.json", "phases.json"])
def test_a_file_that_is_gone(copy, name):
    (copy / name).unlink()
    with pytest.raises(RunError, match=rf"{name} of the finished run is gone.*new `run_dir`"):
        SearchResult.load(copy)


@pytest.mark.parametrize("name", ["metrics.json", "architecture.json"])
def test_a_damaged_file(copy, name):
    (copy / name).write_text('{"blocks": [')
    with pytest.raises(RunError, match=rf"{name} cannot be read: .*damaged"):
        SearchResult.load(copy)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_model(copy, keep):
    file = copy / "model.keras"
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content))])
    result = SearchResult.load(copy)
    with pytest.raises(RunError, match=r"model\.keras cannot be read: .*damaged"):
        result.model  # noqa: B018


def test_a_model_with_wrong_bytes(copy):
    file = copy / "model.keras"
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 3, len(content) // 2, 97):
        content[place] ^= 0xFF
    file.write_bytes(bytes(content))
    result = SearchResult.load(copy)
    with pytest.raises(RunError, match=r"model\.keras cannot be read"):
        result.model  # noqa: B018
