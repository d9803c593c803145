"""Systems side by side: trained, resumed, tuned, failed."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import types
import warnings
from typing import Any

import numpy as np
import pytest

import amer_tf.export
from amer_tf.compare import Candidates, Comparison, ComparisonResult, job, measuring, processes
from amer_tf.compare.tables import markdown
from amer_tf.search import ctr_references
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.split_checks import SplitError
from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.fit import TrainingError
from amer_tf.wording import counted
from data_pipelines import DataError
from tests.search import small_ctr_run, small_run
from tests.search.conftest import small_and_eager

pytestmark = [
    pytest.mark.usefixtures("quick_search"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
TABLE = small_ctr_run.SETTINGS.replace(final_epochs=1)
RANKING = small_run.SETTINGS
NAMES = ["lr", "fm", "lightgbm"]


def compare(load, folder: pathlib.Path, names, settings=TABLE, **options) -> ComparisonResult:
    options = {"seeds": (0, 1), "workers": 0, **options}
    return Comparison(load, folder, names, settings=settings, **options).work()


@pytest.fixture(scope="module")
def finished(load_table, tmp_path_factory):
    """A comparison of three systems, undisturbed."""
    with small_and_eager(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        return compare(load_table, tmp_path_factory.mktemp("finished"), NAMES)


def lines(result: ComparisonResult) -> list[dict[str, Any]]:
    """What is the same each time."""
    text = (result.folder / "results.jsonl").read_text().splitlines()
    timed = ("seconds", "latency_ms")
    return [
        {key: value for key, value in json.loads(line).items() if key not in timed} for line in text
    ]


def test_one_line_a_training_in_the_order_of_the_systems(finished):
    known = [(line["system"], line["seed"]) for line in lines(finished)]
    assert known == [(name, seed) for name in NAMES for seed in (0, 1)]
    for line in lines(finished):
        assert line["status"] == "done"
        assert line["validation"]["auc"] == line["score"]
        with np.load(finished.folder / line["run_dir"] / job.TEST_FILE) as arrays:
            area = evaluate_binary(arrays["labels"], arrays["logits"])["auc"]
        assert area == line["test"]["auc"]


def test_the_table_has_the_best_first(finished):
    table = finished.table()
    assert set(table["system"]) == set(NAMES)
    assert list(table["auc"]) == sorted(table["auc"], reverse=True)
    reference = finished.best_reference.name
    gains = dict(zip(table["system"], table["gain"], strict=True))
    assert np.isnan(gains.pop(reference))
    assert all(value <= 0 for name, value in gains.items() if name in NAMES)
    assert list(table["runs"]) == [2, 2, 2]


def test_networks_have_a_latency_and_so_have_trees_which_are_not_exported(finished):
    latencies = {
        line["system"]: line["latency_ms"] for line in finished.records if not line["seed"]
    }
    assert set(latencies["fm"]) == set(latencies["lr"]) == {"1", "256"}
    assert set(latencies["lightgbm"]) == {"1", "256", "note"}
    assert all(system.latency(rows) > 0 for system in finished.systems for rows in (1, 256))
    notes = {system.name: system.latency_note for system in finished.systems}
    threads = counted(processes.num_threads(), "thread")
    note = f"LightGBM itself, no SavedModel, with {threads}"
    assert notes == {"lr": None, "fm": None, "lightgbm": note}
    assert f"- LightGBM: {note}" in markdown(finished)


@pytest.mark.slow
def test_closed_forms_have_a_latency(load_ranking, tmp_path):
    few = Candidates(num_negatives=10)
    result = compare(
        load_ranking, tmp_path, ["popularity", "ease"], RANKING, seeds=(0,), candidates=few
    )
    for system in result.systems:
        assert system.latency(1) > 0
        assert system.latency(256) > 0
        assert system.latency_note is None


def test_the_same_command_does_nothing_again(finished, load_table, monkeypatch):
    monkeypatch.setattr(job, "_result", lambda *arguments: pytest.fail("trained again"))
    before = lines(finished)
    assert lines(compare(load_table, finished.folder, NAMES)) == before


@pytest.mark.usefixtures("no_latency")
@pytest.mark.parametrize("calls", [1, 2, 4])
def test_killed_and_resumed_it_ends_as_undisturbed(
    finished, load_table, tmp_path, monkeypatch, calls
):
    """Killed when so many trainings have begun, before the last of them is recorded."""
    original, begun = job._described, []

    def described(*arguments):
        begun.append(arguments)
        if len(begun) == calls:
            raise KeyboardInterrupt
        return original(*arguments)

    names = ["lr", "lightgbm"]
    monkeypatch.setattr(job, "_described", described)
    with pytest.raises(KeyboardInterrupt):
        compare(load_table, tmp_path, names)
    done = ComparisonResult(tmp_path).records if calls > 1 else []
    assert len(done) == calls - 1
    known = [line for line in lines(finished) if line["system"] in names]
    assert lines(compare(load_table, tmp_path, names)) == known


@pytest.mark.usefixtures("no_latency")
def test_a_training_that_fails_is_recorded_and_the_others_go_on(
    finished, load_table, tmp_path, monkeypatch
):
    original = ctr_references.evaluate

    def evaluate(model, split):
        if model.count_params() if hasattr(model, "count_params") else False:
            raise TrainingError("The loss is NaN: lower the learning rate.")
        return original(model, split)

    monkeypatch.setattr(ctr_references, "evaluate", evaluate)
    result = compare(load_table, tmp_path, ["lr", "lightgbm"])
    assert [system.name for system in result.systems] == ["lightgbm", "lr"]
    failed = result.systems[1]
    assert failed.failures == dict.fromkeys((0, 1), "The loss is NaN: lower the learning rate.")
    assert len(result.systems[0].records) == 2
    assert "- LR, seed 1: The loss is NaN" in markdown(result)
    # It would fail again, so it is not tried again.
    monkeypatch.setattr(ctr_references, "evaluate", original)
    assert lines(compare(load_table, tmp_path, ["lr", "lightgbm"])) == lines(result)


@pytest.mark.usefixtures("no_latency")
def test_a_full_disk_is_tried_again(load_table, tmp_path, monkeypatch):
    def full(*arguments):
        raise RunError("No space left on device.")

    with monkeypatch.context() as broken:
        broken.setattr(measuring, "measure", full)
        result = compare(load_table, tmp_path, ["lr"], seeds=(0,))
        assert result.systems[0].failures == {0: "No space left on device."}
        assert "No system has been measured." in markdown(result)
    result = compare(load_table, tmp_path, ["lr"], seeds=(0,))
    assert not result.systems[0].failures
    assert len(result.systems[0].records) == 1


@pytest.mark.usefixtures("no_latency")
def test_a_process_that_dies_is_tried_again(load_table, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "run", lambda *arguments: iter([(0, "it died")]))
    result = compare(load_table, tmp_path, ["lr"], seeds=(0,))
    assert result.systems[0].failures == {0: "it died; see lr/seed_0/log.txt"}
    monkeypatch.undo()
    monkeypatch.setattr(job, "measure_latency", lambda *arguments: None)
    assert not compare(load_table, tmp_path, ["lr"], seeds=(0,)).systems[0].failures


def test_a_latency_that_could_not_be_measured_is_tried_again(load_table, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(amer_tf.export, "export", full)
        first = compare(load_table, tmp_path, ["lr"], seeds=(0,))
    assert first.systems[0].without_latency == "OSError: No space left on device"
    second = compare(load_table, tmp_path, ["lr"], seeds=(0,))
    assert second.systems[0].without_latency is None
    assert second.systems[0].latency(1) > 0


def test_a_test_split_of_one_class(load_table, tmp_path):
    data = load_table()
    num_rows = data.test.num_examples
    test = types.SimpleNamespace(
        num_examples=num_rows, batches=data.test.batches, labels=np.ones(num_rows)
    )
    data = with_test(data, test)
    with pytest.raises(SplitError, match=r"The test split must have both labels.*\[1\.0\]"):
        Comparison(lambda: data, tmp_path, ["lr"], settings=TABLE)
    assert not list(tmp_path.iterdir())


def test_other_data_in_the_folder(finished, load_table):
    """The test split counts too."""
    data = load_table()
    data = with_test(data, data.validation)
    with pytest.raises(RunError, match="another .*test examples"):
        Comparison(lambda: data, finished.folder, NAMES, settings=TABLE, seeds=(0, 1))


def with_test(data: Any, test: Any) -> Any:
    return types.SimpleNamespace(
        spec=data.spec, train=data.train, validation=data.validation, test=test
    )


@pytest.mark.slow
@pytest.mark.usefixtures("no_latency")
def test_systems_of_task_next_item(load_ranking, tmp_path):
    names = ["amer", "popularity", "ease", "narm"]
    few = Candidates(num_negatives=10)
    result = compare(load_ranking, tmp_path, names, RANKING, seeds=(0,), candidates=few)
    assert {system.name for system in result.systems} == {"amer-1", "popularity", "ease", "narm"}
    digests = {line["test"]["uniform"]["digest"] for line in result.records}
    assert len(digests) == 1  # all rank the same candidates
    table = result.table()
    assert {"uniform_ndcg@5", "full_hr@1"} <= set(table.columns)
    gain = result.difference(*result.systems[:2], "ndcg@5", "uniform")
    expected = table["uniform_ndcg@5"][0] - table["uniform_ndcg@5"][1]
    assert gain.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@pytest.mark.usefixtures("no_latency")
def test_an_audit_that_fails_takes_nothing_away(load_table, tmp_path, monkeypatch):
    before = compare(load_table, tmp_path, ["amer-3"], seeds=(0,)).records[0]
    with monkeypatch.context() as broken:
        broken.setattr(SearchResult, "audit", lambda self: 1 / 0)
        [after] = compare(load_table, tmp_path, ["amer-3"], seeds=(0,), audit=5).records
    assert after.pop("audit")["reason"] == "ZeroDivisionError: division by zero"
    assert after == before
    with monkeypatch.context() as broken:
        broken.setattr(processes, "run", lambda *arguments: iter([(0, "it died")]))
        result = compare(load_table, tmp_path, ["amer-3"], seeds=(0,), audit=5)
    assert "failed: it died; see amer-3/seed_0/log.txt. The same command" in markdown(result)
    [after] = compare(load_table, tmp_path, ["amer-3"], seeds=(0,), audit=5).records
    audit = after.pop("audit")
    assert (audit["number"], audit["num_missing"], "reason" in audit) == (5, 0, False)
    assert {**after, "latency_ms": None} == before


@pytest.mark.slow
@pytest.mark.usefixtures("no_latency")
def test_a_finished_comparison_is_audited(load_table, tmp_path):
    names = ["amer-3", "lr"]
    compare(load_table, tmp_path, names, seeds=(0,))
    result = compare(load_table, tmp_path, names, seeds=(0,), audit=5)
    [searched, hand_made] = result.records
    assert "audit" not in hand_made
    assert searched["audit"]["number"] == 5
    assert "the DNN is not among the systems that this comparison has trained" in markdown(result)
    assert lines(compare(load_table, tmp_path, names, seeds=(0,), audit=5)) == lines(result)


@pytest.mark.slow
def test_processes_of_their_own(finished, load_table, tmp_path):
    """Compiled there and not here, so that numbers differ a little."""
    names = ["amer-3", "lr", "lightgbm"]
    result = compare(load_table, tmp_path, names, seeds=(0,), workers=2)
    known = {(line["system"], line["seed"]): line["test"]["auc"] for line in finished.records}
    for line in result.records[1:]:
        assert line["test"]["auc"] == pytest.approx(known[line["system"], line["seed"]], abs=0.02)
        assert (tmp_path / line["run_dir"] / "log.txt").is_file()
    assert all(system.latency(1) > 0 for system in result.systems)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["lr", "dyn"]}, "The systems must be among amer, amer-1, .*Received: dyn"),
        ({"names": []}, "The systems must be among .*Received: none"),
        ({"names": ["lr", "dnn", "lr"]}, "different ones. Received: lr twice"),
        ({"names": ["amer", "amer-23"]}, "different ones. Received: amer-23 twice"),
        (
            {"names": ["lr", "din", "amer-1"]},
            "leave them out: din: no target field.*; amer-1: step behavior needs behaviour fields",
        ),
        ({"seeds": ()}, r"`seeds` must be one or more .*seeds=\(\)"),
        ({"seeds": (1, 1)}, r"`seeds` must be one or more different .*seeds=\(1, 1\)"),
        ({"seeds": (2**31,)}, "below 2147483648"),
        ({"workers": -1}, "`workers` must be a whole number of at least 0.*workers=-1"),
        ({"tuning_trials": 1.5}, "`tuning_trials` must be a whole number.*=1.5"),
        ({"time_limit": "soon"}, "positive number of seconds"),
        ({"audit": -1}, "`audit` must be a whole number of at least 0.*audit=-1"),
        ({"names": ["amer"], "audit": 3}, "at least 5.*audit=3"),
        ({"names": ["lr", "fm"], "audit": 5}, "none of the systems is searched: lr, fm.*audit=5"),
        # Four fields make six pairs, of which five are screened.
        ({"names": ["lr", "amer-2"], "audit": 6}, "must be at most 5: with these data .*audit=6"),
        ({"tuning_choices": {"dropout": (0.0,)}}, "needs 2 trials or more.*tuning_trials=0"),
        (
            {"tuning_trials": 2, "tuning_choices": {"hidden_units": (200,)}, "names": ["dnn"]},
            "settings that are one number. Received: 'hidden_units'",
        ),
        (
            {"tuning_trials": 2, "tuning_choices": {"dropout": (2.0,)}, "names": ["lr", "dnn"]},
            r"`dropout` must be a number in \[0, 1\)",
        ),
    ],
)
def test_wrong_arguments(load_table, tmp_path, changes, message):
    arguments = {"names": ["lr"], **changes}
    with pytest.raises(ValueError, match=message):
        Comparison(load_table, tmp_path, settings=TABLE, **arguments)
    assert not list(tmp_path.iterdir())


def test_tuning_without_optuna(load_table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"pip install 'amer_tf\[tune\]'.*tuning_trials=2"):
        Comparison(load_table, tmp_path, ["lr"], settings=TABLE, tuning_trials=2)


def test_another_comparison_in_the_folder(finished, load_table):
    with pytest.raises(RunError, match="another settings.learning_rate"):
        Comparison(
            load_table,
            finished.folder,
            NAMES,
            settings=TABLE.replace(learning_rate=0.5),
            seeds=(0, 1),
        )


def test_no_comparison_in_the_folder(tmp_path):
    with pytest.raises(RunError, match="There is no comparison in this folder"):
        ComparisonResult(tmp_path)


def test_scores_that_are_gone(load_table, finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    for file in (tmp_path / "copy").rglob(job.TEST_FILE):
        file.write_bytes(b"")
    with pytest.raises(RunError, match="test.npz is truncated or damaged.*Delete it"):
        ComparisonResult(tmp_path / "copy").table()
    # Measured again, without another training.
    for file in (tmp_path / "copy").rglob(job.TEST_FILE):
        file.unlink()
    assert lines(compare(load_table, tmp_path / "copy", NAMES)) == lines(finished)


def test_more_negatives_than_items(load_ranking, tmp_path):
    with pytest.raises(DataError, match="at least `num_negatives` items.*num_negatives=100"):
        Comparison(load_ranking, tmp_path, ["narm"], settings=RANKING)
    with pytest.raises(ValueError, match=r"`modes` must be different ones .*modes=\('all',\)"):
        Candidates(modes=("all",))
    assert not list(tmp_path.iterdir())
