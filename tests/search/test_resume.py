"""A search that is killed, wherever, ends with what an undisturbed one ends with."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from amer_tf import AmerSearch
from amer_tf.search.behavior_search import BehaviorSearch
from amer_tf.search.state import RunFolder
from tests.search import small_run

pytestmark = [
    pytest.mark.usefixtures("quick_search"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]


class Killed(BaseException):
    """Not caught by anything, as a signal would not be."""


def search(data, folder, settings=small_run.SETTINGS):
    run = AmerSearch(data.spec, folder, settings=settings, seed=small_run.SEED)
    return run.fit(data.train, data.validation)


def kill_at(monkeypatch, count):
    """The write, append or deletion of this number in the run folder is not done any more."""
    left = [count]

    def counted(method):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return method(*args, **kwargs)

        return call

    for name in (
        "staged",
        "append_trials",
        "_settle_next_model",
        "remove_checkpoint",
        "remove_checkpoints",
    ):
        monkeypatch.setattr(RunFolder, name, counted(getattr(RunFolder, name)))


def finished_in_pieces(data, folder, pieces, monkeypatch):
    """Runs and kills a search again and again; how often it was killed."""
    for attempt, count in enumerate(pieces):
        with monkeypatch.context() as context:
            kill_at(context, count)
            try:
                search(data, folder)
            except Killed:
                continue
            return attempt
    raise AssertionError("the search did not come to its end")


def losses_of(run):
    """Training losses of every phase that trains."""
    return {name: phase["losses"] for name, phase in run.phases().items() if "losses" in phase}


def assert_same_result(folder, finished):
    trials = RunFolder(folder).trials()
    assert trials == finished.run.trials()
    curve = RunFolder(folder).phases()["supernet"]["curve"]
    assert curve == finished.run.phases()["supernet"]["curve"]
    assert losses_of(RunFolder(folder)) == losses_of(finished.run)
    for name in ("architecture.json", "spec.json", "config.json"):
        assert (folder / name).read_text() == (finished.run.path / name).read_text()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["validation"] == finished.metrics["validation"]
    for name in ("model.keras", "reference_transformer.keras"):
        models = [keras.models.load_model(path / name) for path in (folder, finished.run.path)]
        for weight, other in zip(*(model.weights for model in models), strict=True):
            np.testing.assert_array_equal(weight, other)
    names = {file.relative_to(folder) for file in folder.rglob("*")}
    assert names == {file.relative_to(finished.run.path) for file in finished.run.path.rglob("*")}


@pytest.mark.slow
def test_two_runs_of_one_seed_are_the_same(data, finished, tmp_path):
    search(data, tmp_path)
    assert_same_result(tmp_path, finished)


@pytest.mark.slow
def test_killed_again_and_again(data, finished, tmp_path, monkeypatch):
    pieces = np.random.default_rng(0).integers(0, 12, size=500)
    attempts = finished_in_pieces(data, tmp_path, pieces, monkeypatch)
    assert attempts > 10
    assert_same_result(tmp_path, finished)


def test_a_group_that_a_full_disk_cut_short_is_completed(data, finished, tmp_path, monkeypatch):
    append = RunFolder.append_trials

    def append_some(self, trials):
        if trials[0].get("group") == 1:
            append(self, trials[:2])
            raise Killed
        append(self, trials)

    monkeypatch.setattr(RunFolder, "append_trials", append_some)
    with pytest.raises(Killed):
        search(data, tmp_path)
    assert len(RunFolder(tmp_path).trials()) == 7
    monkeypatch.setattr(RunFolder, "append_trials", append)
    monkeypatch.setattr(BehaviorSearch, "_score_again", lambda self: kill())
    with pytest.raises(Killed):
        search(data, tmp_path)
    assert RunFolder(tmp_path).trials() == finished.run.trials()[:11]


def test_evolution_goes_on_with_the_groups_that_it_would_have_bred(data, tmp_path, monkeypatch):
    settings = small_run.SETTINGS.replace(
        sampler="evolution", num_architectures=24, supernet_epochs=1, references=()
    )
    monkeypatch.setattr(BehaviorSearch, "_score_again", lambda self: kill())
    with pytest.raises(Killed):
        search(data, tmp_path / "undisturbed", settings)
    append = RunFolder.append_trials

    def append_some(self, trials):
        append(self, trials[:1])
        if trials[0].get("group") == 4:
            raise Killed
        append(self, trials[1:])

    with monkeypatch.context() as context:
        context.setattr(RunFolder, "append_trials", append_some)
        with pytest.raises(Killed):
            search(data, tmp_path / "killed", settings)
    assert len(RunFolder(tmp_path / "killed").trials()) == 13
    with pytest.raises(Killed):
        search(data, tmp_path / "killed", settings)
    trials = RunFolder(tmp_path / "undisturbed").trials()
    assert [trial["kind"] for trial in trials] == ["random"] * 6 + ["evolved"] * 18
    assert RunFolder(tmp_path / "killed").trials() == trials


def kill():
    raise Killed
