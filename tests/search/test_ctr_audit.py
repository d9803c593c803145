"""Audits of searches of task ctr: every step, random architectures, the prior of the result."""

from __future__ import annotations

import dataclasses
import json

import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.search import ctr_behavior_search, ctr_program, ctr_search
from amer_tf.search.audit import SEED_OFFSET
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_tuning import chosen_prior
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.result import SearchResult
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from tests.search import small_ctr_run, small_hybrid_run
from tests.search.small_ctr_run import of_kind

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
NUMBER = 5


def of_step(result, step):
    return [trial for trial in of_kind(result, "audit") if trial["step"] == step]


def tuned(system, value, score, setting="prior_precision"):
    return {"kind": "tuning", "system": system, "setting": setting, "value": value, "score": score}


def interactions(trial):
    return Architecture.from_dict(trial["architecture"]).interactions


@pytest.fixture(scope="module")
def audited(eagerly, ctr_data, tmp_path_factory):
    settings = small_ctr_run.SETTINGS.replace(references=("dnn",), num_mlps=10, final_epochs=1)
    search = small_ctr_run.search(
        ctr_data, tmp_path_factory.mktemp("run"), settings=settings, audit=NUMBER
    )
    return search.fit(ctr_data.train, ctr_data.validation)


class Untrained:
    def count_params(self):
        return 7


def test_how_they_are_trained(ctr_data, tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    frame = Architecture(mlp=(HiddenLayer("relu", units=8),))
    mlps = [dataclasses.replace(frame, mlp=(HiddenLayer("dice", units=n),)) for n in range(1, 7)]
    run.append_trials(
        [tuned("dnn", 3.0, -0.5), tuned("amer", 30.0, -0.4)]
        + [{"kind": "random mlp", "score": 0.6, "architecture": mlp.to_dict()} for mlp in mlps]
    )
    run.record_phase("scratch_0", epoch=6, seconds=9.0, limit=9.0)
    trained = []

    def train(bench, clock, name, build, train, validation, **options):
        trained.append((name, bench.seed, bench.prior_precision, bench.settings.final_epochs))
        assert options["time_limit"] is None
        assert build().count_params() > 0
        assert (train, validation) == (ctr_data.train, ctr_data.validation)
        return Untrained()

    metrics = {"auc": 0.7, "log_loss": 0.5, "standard_errors": {"auc": 0.1, "log_loss": 0.2}}
    monkeypatch.setattr(ctr_program, "train_final", train)
    monkeypatch.setattr(CtrWorkbench, "score", lambda self, model, split: metrics)
    settings = small_ctr_run.SETTINGS.replace(
        prior_precisions=(3.0, 30.0), fitness="auc", final_epochs=9
    )
    program = ctr_program.CtrProgram(run, ctr_data.spec, settings, 4, ("mlp",))
    splits = (ctr_data.train, ctr_data.validation)
    program.audit(Budget(None, {}), *splits, None, frame, NUMBER)
    names = ["audit_found", *(f"audit_mlp_{rank}" for rank in (0, 5, 2, 1, 4))]
    # Other draws than those that the result was the best of, and its prior.
    assert trained == [(name, 4 + SEED_OFFSET, 30.0, 6) for name in names]
    audited = TrialLog(run).of("audit")
    assert {trial["measured_by"] for trial in audited} == {"auc"}
    assert {trial["score"] for trial in audited} == {0.7}
    assert run.phases()["audit"]["done"]


@pytest.mark.slow
def test_every_step_and_random_architectures(audited):
    steps = [trial["step"] for trial in of_kind(audited, "audit")]
    assert steps == ["found", *["interaction", "mlp", "random"] * 5]
    assert {trial["measured_by"] for trial in of_kind(audited, "audit")} == {"log_loss"}
    assert {trial["epochs"] for trial in of_kind(audited, "audit")} == {1}


@pytest.mark.slow
def test_interactions_are_audited_one_by_one(audited):
    last = [trial for trial in of_kind(audited, "interaction") if trial["round"] == 1]
    gains = {tuple(trial["interaction"]): trial["gain"] for trial in last}
    own = of_step(audited, "interaction")
    assert all(gains[group] == trial["inherited"] for trial in own for [group] in
               [interactions(trial)])  # fmt: skip
    assert own[0]["inherited"] == max(gains.values())
    assert own[1]["inherited"] == min(gains.values())


@pytest.mark.slow
def test_random_architectures_differ_from_the_found_in_every_step(audited):
    orders = sorted(map(len, audited.architecture.interactions))
    for trial in of_step(audited, "random"):
        assert sorted(map(len, interactions(trial))) == orders
    mlps = {str(trial["architecture"]["mlp"]) for trial in of_kind(audited, "random mlp")}
    assert {str(trial["architecture"]["mlp"]) for trial in of_step(audited, "random")} <= mlps


@pytest.mark.slow
def test_what_it_says(audited):
    found = audited.audit()
    assert [step.step for step in found.steps] == ["interaction", "mlp"]
    assert [step.correlation.count for step in found.steps] == [5, 5]
    assert (found.random.count, found.random.is_drawn) == (5, True)
    assert found.reference.value == of_kind(audited, "reference")[0]["score"]
    [start] = found.starts
    assert start.inherited.value == of_kind(audited, "fine-tuned")[0]["score"]
    plain = audited.summary()["audit"]
    assert plain["verdict"].startswith("The search ")
    assert json.loads(json.dumps(plain, allow_nan=False))["random"]["count"] == 5


@pytest.mark.slow
def test_the_result_is_the_best_of_the_search(audited):
    kinds = ("inherited", "fine-tuned", "scratch")
    assert audited.score == max(
        trial["score"] for kind in kinds for trial in of_kind(audited, kind)
    )
    assert audited.best_trial["kind"] in kinds
    assert set(audited.leaderboard()["training"]) <= {*kinds, ""}


@pytest.mark.slow
def test_a_finished_run_is_audited_again_without_any_training(audited, ctr_data, monkeypatch):
    monkeypatch.setattr(ctr_program, "train_final", lambda *a, **k: pytest.fail("trained"))
    before = (audited.run.path / "trials.jsonl").read_bytes()
    phases = {**audited.run.phases(), "audit": {}}
    (audited.run.path / "phases.json").write_text(json.dumps(phases))
    settings = small_ctr_run.SETTINGS.replace(references=("dnn",), num_mlps=10, final_epochs=1)
    search = small_ctr_run.search(ctr_data, audited.run.path, settings=settings, audit=NUMBER)
    search.fit(ctr_data.train, ctr_data.validation)
    assert (audited.run.path / "trials.jsonl").read_bytes() == before


@pytest.mark.slow
def test_all_three_steps(tmp_path, monkeypatch):
    data = small_hybrid_run.prepare(tmp_path)
    monkeypatch.setattr(
        ctr_behavior_search, "layer_candidates", lambda spec: small_hybrid_run.LAYERS
    )
    settings = small_hybrid_run.SETTINGS.replace(
        references=(), num_mlps=10, num_screened=7, num_kept=6, final_epochs=1
    )
    search = small_hybrid_run.search(data, tmp_path / "run", settings, audit=NUMBER)
    result = search.fit(data.train, data.validation)
    # With the fields user, ad and hour there are three pairs and nothing to audit.
    steps = [trial["step"] for trial in of_kind(result, "audit")]
    assert steps == ["found", *["behavior", "mlp", "random"] * 5]
    for trial in of_step(result, "behavior"):
        assert len(trial["architecture"]["blocks"]) == 2
        assert not interactions(trial)
    for trial in of_step(result, "random"):
        assert len(trial["architecture"]["blocks"]) == 2
        assert len(interactions(trial)) == len(result.architecture.interactions)
    assert [step.step for step in SearchResult.load(result.run.path).audit().steps] == [
        *("behavior", "mlp"),
    ]


@pytest.mark.parametrize(
    ("trials", "precision"),
    [
        ([tuned("dnn", 3.0, -0.5), tuned("dnn", 30.0, -0.4), tuned("amer", 3.0, -0.6)], 3.0),
        ([tuned("dnn", 3.0, -0.5), tuned("dnn", 30.0, -0.4)], 30.0),
        ([tuned("amer", 7.0, -0.1, "num_interactions"), tuned("deepfm", 30.0, -0.4)], 10.0),
    ],
)
def test_the_prior_is_that_of_the_result(tmp_path, trials, precision):
    run = RunFolder(tmp_path)
    run.append_trials(trials)
    settings = small_ctr_run.SETTINGS.replace(prior_precisions=(3.0, 10.0, 30.0))
    bench = CtrWorkbench(run, None, settings, 0, 100)
    assert chosen_prior(bench, TrialLog(run)).prior_precision == precision


@pytest.mark.slow
def test_the_prior_read_off_the_log_is_the_one_that_the_search_used(
    ctr_data, tmp_path, monkeypatch
):
    used: dict[str, set[float]] = {}
    final = ctr_search.train_final

    def trained(bench, clock, name, *arguments, **options):
        kind = name.partition("_")[0]
        used.setdefault(kind, set()).add(bench.prior_precision)
        return final(bench, clock, name, *arguments, **options)

    for module in (ctr_search, ctr_program):
        monkeypatch.setattr(module, "train_final", trained)
    settings = small_ctr_run.TUNED.replace(references=(), num_mlps=10, final_epochs=1)
    search = small_ctr_run.search(ctr_data, tmp_path / "run", settings=settings, audit=NUMBER)
    search.fit(ctr_data.train, ctr_data.validation)
    assert used["audit"] == used["scratch"]
    assert len(used["audit"]) == 1
