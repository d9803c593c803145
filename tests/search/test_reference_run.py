"""Hand-made systems alone, each in a folder of its own."""

from __future__ import annotations

import pathlib

import pytest

from amer_tf.search import reference_run
from amer_tf.search.reference_run import ReferenceRun
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.training.fit import TrainingError
from tests.search import small_ctr_run, small_run

pytestmark = [
    pytest.mark.usefixtures("quick_search"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
CTR = small_ctr_run.SETTINGS
NEXT_ITEM = small_run.SETTINGS


def run_of(data, folder: pathlib.Path, name: str, settings, **options) -> ReferenceRun:
    return ReferenceRun(data.spec, folder, name, settings=settings, **options)


@pytest.mark.parametrize("name", ["deepfm", "lightgbm"])
def test_a_system_of_task_ctr(ctr_data, tmp_path, name):
    result = run_of(ctr_data, tmp_path, name, CTR).fit(ctr_data)
    assert result.trial["name"] == name
    assert result.seconds > 0
    assert not list((tmp_path / "checkpoints").glob("*"))
    # Found again, without another training.
    again = run_of(ctr_data, tmp_path, name, CTR).fit(ctr_data)
    assert again.trial == result.trial
    assert again.model is not None


@pytest.mark.parametrize("name", ["popularity", "ease", "gru4rec"])
def test_a_system_of_task_next_item(data, tmp_path, name):
    result = run_of(data, tmp_path, name, NEXT_ITEM).fit(data)
    assert 0 <= result.trial["score"] <= 1
    assert (result.model is None) == (name != "gru4rec")


def test_the_same_as_beside_a_search(finished, data, tmp_path):
    result = run_of(data, tmp_path, "transformer", NEXT_ITEM, seed=small_run.SEED).fit(data)
    [beside] = [trial for trial in finished.run.trials() if trial.get("name") == "transformer"]
    assert result.trial == beside


def test_a_system_that_cannot_read_the_data_is_named_at_once(ctr_data, data, tmp_path):
    with pytest.raises(ValueError, match="din cannot be trained on these data: no target field"):
        run_of(ctr_data, tmp_path, "din", CTR)
    with pytest.raises(ValueError, match="`references` must be different names among.*'dyn'"):
        run_of(data, tmp_path, "dyn", NEXT_ITEM)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_another_run(ctr_data, tmp_path):
    run_of(ctr_data, tmp_path, "lr", CTR)
    with pytest.raises(RunError, match=r"holds a run with another settings.references"):
        run_of(ctr_data, tmp_path, "dnn", CTR)


def test_a_folder_of_a_system_is_no_search(ctr_data, tmp_path):
    run_of(ctr_data, tmp_path, "lr", CTR)
    message = r"must hold a search, and holds the hand-made system lr alone.*another `run_dir`.*Rec"
    with pytest.raises(RunError, match=message):
        small_ctr_run.search(ctr_data, tmp_path)
    with pytest.raises(RunError, match=message):
        SearchResult.load(tmp_path)


def test_a_training_that_fails(ctr_data, tmp_path, monkeypatch):
    def fail(*arguments):
        raise TrainingError("The loss is NaN.")

    monkeypatch.setattr(reference_run.ctr_references, "evaluate", fail)
    with pytest.raises(TrainingError, match="The loss is NaN"):
        run_of(ctr_data, tmp_path, "lr", CTR).fit(ctr_data)


def test_a_prior_that_fails_alone_is_no_failure(ctr_data, tmp_path):
    run = run_of(ctr_data, tmp_path, "lr", CTR)
    run.run.append_trials([{"kind": "failed", "of": "tuning", "reason": "The loss is NaN."}])
    assert run.fit(ctr_data).trial["name"] == "lr"


@pytest.mark.parametrize(("choice", "rate"), [("own", 0.3), ("shared", 0.1)])
def test_dropout_of_its_own_or_that_of_the_settings(data, tmp_path, choice, rate):
    settings = NEXT_ITEM.replace(reference_dropout=choice, dropout=0.1)
    result = run_of(data, tmp_path, "narm", settings).fit(data)
    rates = {layer.rate for layer in result.model.layers if hasattr(layer, "rate")}
    assert rates == {rate}
