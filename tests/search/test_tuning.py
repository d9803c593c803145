"""The prior of each system and the number of interactions, tried out before final trainings."""

from __future__ import annotations

import pytest

from amer_tf.search import final_training, tuning
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.tuning import Tuner, next_value
from amer_tf.training.fit import TrainingError
from tests.search import small_ctr_run
from tests.search.small_ctr_run import of_kind, search

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]


@pytest.fixture(scope="module")
def data(ctr_data):
    return ctr_data


@pytest.mark.parametrize(
    ("losses", "start", "tried"),
    [
        ({1: 0.5, 3: 0.4, 10: 0.3, 30: 0.2}, 3, [3, 10, 30]),
        ({1: 0.5, 3: 0.4, 10: 0.5, 30: 0.1}, 3, [3, 10, 1]),
        ({1: 0.2, 3: 0.4, 10: 0.5, 30: 0.1}, 30, [30, 10]),
        ({1: 0.2, 3: 0.3, 10: 0.4, 30: 0.5}, 10, [10, 30, 3, 1]),
        ({1: 0.2, 3: float("inf"), 10: 0.1, 30: 0.5}, 3, [3, 10, 30]),
    ],
)
def test_the_way_to_the_lowest_loss(losses, start, tried):
    known: dict[float, float] = {}
    while (value := next_value(sorted(losses), known, start)) is not None:
        known[value] = losses[value]
    assert list(known) == tried


LOSSES = {
    "prior_precision_dnn": {3.0: 0.7, 30.0: 0.5, 300.0: 0.6},
    "prior_precision_amer": {3.0: 0.7, 30.0: 0.5, 300.0: 0.4},
    "num_interactions_amer": {1: 0.3, 2: 0.39, 4: 0.4},
    "prior_precision_dcn": {3.0: 0.4, 30.0: 0.5, 300.0: 0.6},
}


@pytest.mark.slow
def test_every_system_gets_its_own(data, tmp_path, monkeypatch):
    original, train_final = CtrWorkbench.score, final_training.train_final
    names, used = [], []

    def trying(bench, clock, name, *args, **kwargs):
        names.append(name)
        return train_final(bench, clock, name, *args, **kwargs)

    def score(bench, model, split):
        metrics = original(bench, model, split)
        if bench.num_examples < data.train.num_examples:
            question, _, value = names[-1].rpartition("_")
            return {**metrics, "log_loss": LOSSES[question][float(value)]}
        used.append(bench.prior_precision)
        return metrics

    monkeypatch.setattr(tuning, "train_final", trying)
    monkeypatch.setattr(CtrWorkbench, "score", score)
    settings = small_ctr_run.TUNED.replace(
        prior_precisions=(300.0, 3.0, 30.0), num_interactions=4, references=("dnn", "dcn")
    )
    result = search(data, tmp_path / "run", settings=settings).fit(data.train, data.validation)
    tried = {
        "prior_precision_dnn": (30, 300, 3),
        "prior_precision_amer": (30, 300),
        "num_interactions_amer": (2, 1),
        "prior_precision_dcn": (30, 300, 3),
    }
    assert names == [f"{name}_{value}" for name, values in tried.items() for value in values]
    assert [
        (f"{trial['setting']}_{trial['system']}", trial["value"], -trial["score"])
        for trial in of_kind(result, "tuning")
    ] == [(name, value, LOSSES[name][value]) for name, values in tried.items() for value in values]
    assert {trial["training_rows"] for trial in of_kind(result, "tuning")} == {200}
    assert set(used) == {300.0}
    chosen = result.interactions()["interaction"]
    assert len(chosen) == 4
    assert result.architecture.interactions == (tuple(chosen[0].split(" * ")),)
    assert set(result.leaderboard()["system"]) == {"amer", "dnn", "dcn"}


@pytest.mark.slow
def test_fewest_interactions(data, tmp_path):
    settings = small_ctr_run.TUNED.replace(
        references=(), prior_precisions=(3.0,), min_interactions=2
    )
    result = search(data, tmp_path / "run", settings=settings).fit(data.train, data.validation)
    assert not of_kind(result, "tuning")
    assert len(result.architecture.interactions) == 3


@pytest.mark.slow
def test_a_training_on_all_rows_is_the_final_one(data, tmp_path, monkeypatch):
    settings = small_ctr_run.TUNED.replace(tuning_rows=10_000, references=("dnn", "dcn"))
    result = search(data, tmp_path / "run", settings=settings).fit(data.train, data.validation)
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    tidy, trained = Tuner._tidy, []

    def tidy_all(own, question, keep_best):
        tidy(own, question, False)

    def fit(*args, resume, **kwargs):
        trained.append(resume is None)
        return fit_until_plateau(*args, resume=resume, **kwargs)

    fit_until_plateau = final_training.fit_until_plateau
    monkeypatch.setattr(final_training, "fit_until_plateau", fit)
    again = search(data, tmp_path / "again", settings=settings).fit(data.train, data.validation)
    assert again.run.trials() == result.run.trials()
    # The predefined MLP, and both references.
    assert trained.count(False) == 3
    monkeypatch.setattr(Tuner, "_tidy", tidy_all)
    all_anew = search(data, tmp_path / "anew", settings=settings).fit(data.train, data.validation)
    assert all_anew.run.trials() == result.run.trials()
    assert trained.count(False) == 3


@pytest.mark.slow
def test_a_prior_that_diverges_is_passed_over(data, tmp_path, monkeypatch):
    original = tuning.train_final

    def diverges(bench, *args, **kwargs):
        if bench.prior_precision < most:
            raise TrainingError("The loss is nan")
        return original(bench, *args, **kwargs)

    monkeypatch.setattr(tuning, "train_final", diverges)
    settings = small_ctr_run.TUNED.replace(references=())
    most = 30.0
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    [failed] = of_kind(result, "failed")
    assert (failed["system"], failed["setting"], failed["value"]) == ("dnn", "prior_precision", 3.0)
    most = 1000.0
    message = r"dnn could not be trained under any prior_precision\. .* nan Received: \[3\.0"
    with pytest.raises(TrainingError, match=message):
        search(data, tmp_path / "none", settings=settings).fit(data.train, data.validation)
