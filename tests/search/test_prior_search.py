"""The precision of the prior: tried on a plain network, taken for the whole search."""

from __future__ import annotations

import pytest

from amer_tf.search import prior_search
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.training.fit import TrainingError
from tests.search import small_ctr_run
from tests.search.conftest import small_and_eager
from tests.search.small_ctr_run import of_kind, search

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """Nothing is compiled: the many models of a search run for a few steps each."""
    with small_and_eager():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_ctr_run.prepare(tmp_path_factory.mktemp("data"))


def test_the_prior_of_the_lowest_loss_is_taken(data, tmp_path, monkeypatch):
    losses = {3.0: 0.7, 30.0: 0.5, 300.0: 0.6}
    tried, used = [], []
    original = CtrWorkbench.score

    def score(bench, model, split):
        metrics = original(bench, model, split)
        if len(tried) < 3:
            tried.append((bench.prior_precision, bench.num_examples))
            return {**metrics, "log_loss": losses[bench.prior_precision]}
        used.append((bench.prior_precision, bench.num_examples))
        return metrics

    monkeypatch.setattr(CtrWorkbench, "score", score)
    settings = small_ctr_run.SETTINGS.replace(prior_precisions=tuple(losses), references=())
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    assert tried == [(precision, 200) for precision in losses]
    assert set(used) == {(30.0, data.train.num_examples)}
    trials = of_kind(result, "prior")
    assert [(-t["score"], t["training_rows"]) for t in trials] == [
        (x, 200) for x in losses.values()
    ]
    assert set(result.leaderboard()["system"]) == {"amer"}


def test_a_prior_that_diverges_is_passed_over(data, tmp_path, monkeypatch):
    original = prior_search.train_final

    def diverges(bench, *args, **kwargs):
        if bench.prior_precision < most:
            raise TrainingError("The loss is nan")
        return original(bench, *args, **kwargs)

    monkeypatch.setattr(prior_search, "train_final", diverges)
    settings = small_ctr_run.SETTINGS.replace(references=())
    most = 30.0
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    assert [trial["prior_precision"] for trial in of_kind(result, "failed")] == [3.0]
    most = 1000.0
    with pytest.raises(TrainingError, match=r"A plain network could not .* nan Received: prior_pr"):
        search(data, tmp_path / "none", settings=settings).fit(data.train, data.validation)


def test_one_prior_is_not_tried(data, tmp_path):
    settings = small_ctr_run.SETTINGS.replace(references=(), prior_precisions=(3.0,))
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    assert not of_kind(result, "prior")
