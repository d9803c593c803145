"""Searches that a reference needs: once a run, resumed, within the time, and whole runs of both."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from amer_tf.models import autocross, autofis
from amer_tf.search import ctr_program, pair_selection, reference_options
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_search import PHASE_SHARES
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.reference_options import find_options
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import TrainingError
from tests.models.ctr_contract import SPEC
from tests.search import small_ctr_run
from tests.search.fake_clock import FakeClock
from tests.search.small_ctr_run import of_kind
from tests.search.small_ctr_run import search as new_search

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")
OPTIONS = {"crosses": [["user", "ad"]], "boundaries": {"price": [0.5]}, "num_buckets": 9}
SETTINGS = small_ctr_run.SETTINGS.replace(
    references=("autocross", "autofis"), gate_epochs=3, cross_buckets=300
)


def make(folder, seconds=None):
    run = RunFolder(folder)
    bench = CtrWorkbench(run, SPEC, CtrSettings(), seed=0, num_examples=10)
    clock = PhaseClock(run, Budget(seconds, PHASE_SHARES))
    clock.deadline(reference_options.PHASE)
    return bench, clock


def test_most_systems_need_no_search(tmp_path):
    assert find_options(*make(tmp_path), "dnn", None, 2) == {}
    assert not list(tmp_path.glob("*.json"))


def test_found_once_and_read_again(tmp_path, monkeypatch):
    calls = []

    def search(*arguments):
        calls.append(arguments)
        return OPTIONS

    monkeypatch.setattr(reference_options, "_SEARCHES", {"autocross": search})
    bench, clock = make(tmp_path)
    bench.run.save_arrays("options_autocross", {"left": np.zeros(3)})
    assert find_options(bench, clock, "autocross", "rows", 2) == OPTIONS
    # Killed and started again.
    assert find_options(*make(tmp_path), "autocross", "rows", 2) == OPTIONS
    assert calls == [(bench, clock, "options_autocross", "rows", None)]
    assert json.loads((tmp_path / "reference_autocross.json").read_text()) == OPTIONS
    assert not list((tmp_path / "checkpoints").iterdir())


def test_crosses_are_searched_until_the_limit_over_all_attempts(tmp_path, monkeypatch):
    fake, seen = FakeClock(monkeypatch), []

    def select(bench, train, is_over):
        seen.append(is_over())
        fake.advance(15.0)
        if len(seen) == 1:
            is_over()  # the time is kept
            raise KilledError
        seen.append(is_over())
        fake.advance(6.0)
        seen.append(is_over())
        return OPTIONS

    monkeypatch.setattr(reference_options.cross_search, "select", select)
    # The phase is the last and has all of the 66 s that are left, the search half of that.
    with pytest.raises(KilledError):
        find_options(*make(tmp_path, 66.0), "autocross", None, 2)
    used = RunFolder(tmp_path).phases()["options_autocross"]["used"]
    run = RunFolder(tmp_path)
    bench = CtrWorkbench(run, SPEC, CtrSettings(), seed=0, num_examples=10)
    clock = PhaseClock(run, Budget(66.0, PHASE_SHARES, used=used))
    assert find_options(bench, clock, "autocross", None, 2) == OPTIONS
    assert seen == [False, False, False, True]


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def finished(eagerly, ctr_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    search = new_search(ctr_data, folder, settings=SETTINGS, steps=("mlp",))
    return search.fit(ctr_data.train, ctr_data.validation)


def test_both_are_trained_and_scored(finished, ctr_data):
    board = finished.leaderboard()
    assert {"autocross", "autofis"} < set(board["system"])
    scored = finished.evaluate_references(ctr_data.validation)
    by_name = board.set_index("system")["auc"]
    for name in ("autocross", "autofis"):
        assert scored[name]["auc"] == pytest.approx(by_name[name], abs=1e-6)
    names = {file.name for file in finished.run.path.glob("reference_*")}
    assert names == {
        *(f"reference_{name}.{suffix}" for name in SETTINGS.references for suffix in _SUFFIXES)
    }
    assert not list((finished.run.path / "checkpoints").iterdir())


_SUFFIXES = ("json", "keras")


def test_the_models_are_built_from_what_was_found(finished, ctr_data):
    for name, build in (("autocross", autocross.build), ("autofis", autofis.build)):
        model = finished.load_model(f"reference_{name}.keras")
        found = finished.run.read_json(f"reference_{name}.json")
        expected = build(ctr_data.spec, **found, embedding_dim=4, hidden_units=(8, 8))
        assert [weight.shape for weight in model.weights] == [w.shape for w in expected.weights]
        assert isinstance(model, keras.Model)
    crosses = finished.run.read_json("reference_autocross.json")
    assert list(crosses["boundaries"]) == ["I01"]
    assert crosses["num_buckets"] == 300


STOPS = {
    "in the selection of pairs": (pair_selection.phases, "train_phase", 1),
    "when crosses were found": (ctr_program, "choose_prior", 1),
    "when pairs were selected": (ctr_program, "choose_prior", 2),
    "in final training": (ctr_program, "train_final", 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS)
def test_resumed_equals_undisturbed(finished, ctr_data, tmp_path, monkeypatch, stop):
    place, name, number = STOPS[stop]
    original, calls = getattr(place, name), []

    def killed(*args, **kwargs):
        if place is pair_selection.phases and args[1] != "options_autofis":
            return original(*args, **kwargs)
        calls.append(1)
        if len(calls) == number:
            raise KilledError
        return original(*args, **kwargs)

    options = {"settings": SETTINGS, "steps": ("mlp",)}
    with monkeypatch.context() as patched:
        patched.setattr(place, name, killed)
        with pytest.raises(KilledError):
            new_search(ctr_data, tmp_path, **options).fit(ctr_data.train, ctr_data.validation)
    resumed = new_search(ctr_data, tmp_path, **options).fit(ctr_data.train, ctr_data.validation)
    assert resumed.run.trials() == finished.run.trials()


@pytest.mark.slow
def test_a_search_that_fails_is_a_failed_reference(eagerly, ctr_data, tmp_path, monkeypatch):
    def diverges(*args):
        raise TrainingError("The loss is nan")

    searches = {**reference_options._SEARCHES, "autofis": diverges}
    monkeypatch.setattr(reference_options, "_SEARCHES", searches)
    settings = SETTINGS.replace(references=("autofis", "dnn"))
    search = new_search(ctr_data, tmp_path, settings=settings, steps=("mlp",))
    result = search.fit(ctr_data.train, ctr_data.validation)
    [failed] = of_kind(result, "failed")
    assert (failed["name"], failed["reason"]) == ("autofis", "The loss is nan")
    assert set(result.leaderboard()["system"]) == {"amer", "dnn"}
