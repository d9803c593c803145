"""Finished small runs of both tasks, and one with everything that a run may hold."""

from __future__ import annotations

import json
import shutil
import warnings

import pytest

from amer_tf import AmerSearch
from amer_tf.cli import run_data
from amer_tf.report.page import page
from amer_tf.report.run_record import RunRecord
from amer_tf.search.result import SearchResult
from tests.report.reading import Page
from tests.search import small_ctr_run, small_run
from tests.search.small_run import small_and_eager

CTR_SETTINGS = small_ctr_run.TUNED.replace(references=("dnn", "lightgbm"))
# How much more the second of two seeds reaches in AUC, for each system.
SECOND_SEED = {"amer": 0.02, "dnn": 0.0, "lightgbm": -0.01}


@pytest.fixture(scope="session")
def next_item(tmp_path_factory):
    """A run of task next_item, started from Python: it does not know its data folder."""
    data = small_run.prepare(tmp_path_factory.mktemp("data"))
    with small_and_eager(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        folder = tmp_path_factory.mktemp("next_item")
        search = AmerSearch(
            data.spec, folder, settings=small_run.SETTINGS, seed=small_run.SEED, time_limit="1h"
        )
        result = search.fit(data.train, data.validation)
        measured = {
            mode: result.evaluate(data.test, candidates=mode, num_negatives=10)
            for mode in ("uniform", "full")
        }
        result.record_evaluation("test", measured)
        return result


@pytest.fixture(scope="session")
def ctr(tmp_path_factory):
    """A run of task ctr, whose references were measured on test."""
    data = small_ctr_run.prepare(tmp_path_factory.mktemp("ctr_data"))
    with small_and_eager(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        search = small_ctr_run.search(data, tmp_path_factory.mktemp("ctr"), settings=CTR_SETTINGS)
        run_data.record(search.run, data)
        result = search.fit(data.train, data.validation)
        result.record_evaluation(
            "test", result.evaluate(data.test), result.evaluate_references(data.test)
        )
        return result


@pytest.fixture(scope="session")
def ctr_seeds(ctr, tmp_path_factory):
    """That run and one of another seed, with scores that are known to differ by so much."""
    folder = tmp_path_factory.mktemp("seeds") / "run"
    shutil.copytree(ctr.run.path, folder)
    change_json(folder / "config.json", lambda config: {**config, "seed": 4})

    def change(trial):
        if "metrics" not in trial:
            return trial
        more = SECOND_SEED[trial.get("name", "amer")]
        metrics = {**trial["metrics"], "auc": trial["metrics"]["auc"] + more}
        score = trial["score"] if trial["kind"] == "tuning" else trial["score"] + more
        return {**trial, "metrics": metrics, "score": score}

    change_trials(folder, change)
    return [ctr, SearchResult.load(folder)]


@pytest.fixture
def copy(tmp_path):
    """Copies a run, to be changed."""

    def copied(result, name="copy"):
        return shutil.copytree(result.run.path, tmp_path / name)

    return copied


@pytest.fixture(scope="session")
def hybrid(hybrid_data, finished_hybrid, tmp_path_factory):
    """A run of all three steps, whose blocks were sampled by evolution."""
    folder = tmp_path_factory.mktemp("hybrid") / "run"
    result = SearchResult.load(shutil.copytree(finished_hybrid.run.path, folder))
    run_data.record(result.run, hybrid_data)
    result.record_evaluation("test", result.evaluate(hybrid_data.test))
    return result


@pytest.fixture(scope="session")
def pages(next_item, ctr, hybrid):
    """The page of each of these runs, read."""
    results = {"next_item": next_item, "ctr": ctr, "hybrid": hybrid}
    return {name: Page(page([RunRecord(result)])) for name, result in results.items()}


def record(result, data=None):
    return RunRecord(result, data)


def write_trials(folder, trials):
    """Replaces the log of a copied run."""
    (folder / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in trials))


def change_trials(folder, change):
    """Puts every trial of a copied run through a function."""
    log = folder / "trials.jsonl"
    write_trials(folder, [change(json.loads(line)) for line in log.read_text().splitlines()])


def change_json(file, change):
    """Puts a JSON file of a copied run through a function."""
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
