"""Whole searches of task ctr on a tiny table."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys

import keras
import numpy as np
import pytest

from amer_tf import AmerSearch, Architecture
from amer_tf.architecture import ArchitectureError
from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    Normalization,
    NumericField,
    SpecError,
    Vocabulary,
)
from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search import (
    ctr_program,
    ctr_search,
    final_training,
    interaction_search,
    mlp_search,
)
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.settings import Settings
from amer_tf.search.split_checks import SplitError
from amer_tf.training.ctr import CtrEvaluator
from amer_tf.training.fit import TrainingError
from amer_tf.training.platt_scaling import fit_platt_scaling
from tests.search import small_ctr_run
from tests.search.small_ctr_run import REFERENCES, of_kind, search

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]

# For what does not depend on how long anything is trained.
FAST = small_ctr_run.SETTINGS.replace(
    references=(), rounds=1, round_epochs=1, mlp_epochs=1, num_mlps=10, final_epochs=1
)


@pytest.fixture(scope="module")
def data(ctr_data):
    return ctr_data


@pytest.fixture(scope="module")
def finished(eagerly, data, tmp_path_factory) -> CtrResult:
    result = search(data, tmp_path_factory.mktemp("run")).fit(data.train, data.validation)
    assert isinstance(result, CtrResult)
    return result


def test_chances_fit_the_validation_split(finished, data):
    labels = data.validation.labels
    for name in ("dnn", "deepfm"):
        model = finished.load_model(f"reference_{name}.keras")
        slope, intercept = model.get_layer("amer.platt_scaling").get_weights()
        assert slope > 0
        assert (slope, intercept) != (1.0, 0.0)
        logits = CtrEvaluator(model).logits(data.validation)
        np.testing.assert_allclose(fit_platt_scaling(labels, logits), (1.0, 0.0), atol=0.05)
    logits = finished.evaluator.logits(data.validation)
    np.testing.assert_allclose(fit_platt_scaling(labels, logits), (1.0, 0.0), atol=0.05)
    # Inherited models too, which are not trained any further.
    for trial in of_kind(finished, "inherited"):
        expected = sum(bin["expected"] * bin["rows"] for bin in trial["metrics"]["calibration"])
        assert expected == pytest.approx(labels.sum(), rel=0.05)
    trees = BoostedTrees.from_text(
        data.spec, (finished.run.path / "reference_lightgbm.txt").read_text()
    )
    scaling = fit_platt_scaling(labels, trees.logits(data.validation))
    np.testing.assert_allclose(scaling, (1.0, 0.0), atol=0.05)


@pytest.mark.slow
def test_without_calibration_logits_are_as_they_are(data, tmp_path):
    settings = small_ctr_run.SETTINGS.replace(references=("dnn",), calibration="none")
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    layer = result.load_model("reference_dnn.keras").get_layer("amer.platt_scaling")
    assert layer.get_weights() == [1.0, 0.0]


def test_the_rounds_grow(finished, data):
    first, second = (
        [t for t in of_kind(finished, "interaction") if t["round"] == number] for number in (0, 1)
    )
    names = ("F01", "F02", "F03", "F04")
    pairs = sorted(map(list, itertools.combinations(names, 2)))
    screened = [t for t in of_kind(finished, "screened interaction") if t["round"] == 0]
    assert sorted(t["interaction"] for t in screened) == pairs
    best = sorted(screened, key=lambda trial: -trial["score"])[:5]
    assert sorted(t["interaction"] for t in first) == sorted(t["interaction"] for t in best)
    kept = [trial for trial in first if trial["place"] is not None]
    kept.sort(key=lambda trial: trial["place"])
    assert [trial["place"] for trial in kept] == [0, 1, 2, 3]
    assert [t["interaction"] for t in second[:4]] == [t["interaction"] for t in kept]
    assert len(second) == 5
    for trial in second[4:]:
        assert len(trial["interaction"]) == 3
        assert any(set(t["interaction"]) < set(trial["interaction"]) for t in kept)
    rows = min(100, data.validation.num_examples)
    assert {trial["rows"] for trial in first} == {rows}


def test_chosen_interactions_are_those_of_the_result(finished):
    table = finished.interactions()
    assert list(table.columns) == ["interaction", "gain", "standard_error", "taken"]
    assert len(table) == 3
    named = [tuple(text.split(" * ")) for text in table["interaction"][table["taken"]]]
    assert table["taken"][0]
    assert finished.architecture.interactions == tuple(named)
    assert finished.summary()["interactions"][0]["interaction"] == table["interaction"][0]


def test_the_mlp_is_of_its_space(finished):
    assert len(of_kind(finished, "random mlp")) == 20
    assert len(finished.architecture.mlp) == 2
    assert len(of_kind(finished, "inherited")) == 2


def test_the_predefined_mlp_is_trained_beside_the_found_one(finished):
    found, predefined = [trial["architecture"] for trial in of_kind(finished, "scratch")]
    [best, *_] = sorted(of_kind(finished, "inherited"), key=lambda trial: -trial["score"])
    assert found == best["architecture"]
    assert [layer["units"] for layer in predefined["mlp"]] == [8, 8]
    assert {layer["activation"] for layer in predefined["mlp"]} == {"relu"}
    assert predefined["interactions"] == found["interactions"]


def test_all_ways_of_training_are_reported(finished, data):
    board = finished.leaderboard()
    # The error is that of AUC, which ranks.
    assert list(board.columns[:5]) == [
        *("system", "training", "auc", "standard_error", "log_loss"),
    ]
    assert set(board["system"]) == {"amer", *REFERENCES}
    trainings = board[board["system"] == "amer"]["training"]
    assert set(trainings) == {"inherited", "fine-tuned", "scratch"}
    assert board["auc"].is_monotonic_decreasing
    assert finished.score == max(board[board["system"] == "amer"]["auc"])


def test_the_model_on_disk_is_that_of_the_best_trial(finished, data):
    metrics = finished.evaluate(data.validation)
    assert metrics["auc"] == pytest.approx(finished.score, abs=1e-6)
    known = finished.metrics["validation"]
    assert metrics["log_loss"] == pytest.approx(known["log_loss"], rel=1e-5)
    assert metrics["count"] == known["count"] == data.validation.num_examples
    references = finished.evaluate_references(data.test)
    assert set(references) == set(REFERENCES)
    assert references["dnn"]["count"] == data.test.num_examples
    scored = finished.evaluate_references(data.validation)
    board = finished.leaderboard().set_index("system")["auc"]
    for name in REFERENCES:
        assert scored[name]["auc"] == pytest.approx(board[name], abs=1e-6)
    assert isinstance(finished.model, keras.Model)


def test_nothing_but_the_result_is_left(finished):
    names = {file.name for file in finished.run.path.iterdir()}
    assert not list((finished.run.path / "checkpoints").iterdir())
    assert names == {
        "architecture.json",
        "checkpoints",
        "config.json",
        "metrics.json",
        "model.keras",
        "phases.json",
        "reference_deepfm.keras",
        "reference_lightgbm.txt",
        "reference_dnn.keras",
        "spec.json",
        "splits.json",
        "trials.jsonl",
        "vocabularies",
    }


def test_opened_again(finished):
    again = SearchResult.load(finished.run.path)
    assert isinstance(again, CtrResult)
    assert again.architecture == finished.architecture
    assert Architecture.from_json(json.dumps(again.architecture.to_dict())) == again.architecture


@pytest.mark.slow
def test_two_runs_of_one_seed_are_the_same(finished, data, tmp_path):
    again = search(data, tmp_path / "run").fit(data.train, data.validation)
    assert again.run.trials() == finished.run.trials()


def test_interactions_alone_without_screening(data, tmp_path):
    settings = FAST.replace(num_screened=0)
    result = search(data, tmp_path / "run", steps=("interaction",), settings=settings).fit(
        data.train, data.validation
    )
    trials = of_kind(result, "interaction")
    assert sum(trial["round"] == 0 for trial in trials) == 6
    assert not of_kind(result, "screened interaction")
    assert len(result.interactions()) == 3
    assert [layer.units for layer in result.architecture.mlp] == [8, 8]
    assert set(result.leaderboard()["training"]) == {"scratch"}


def test_mlps_alone_and_one_prior_which_is_not_tried(data, tmp_path):
    settings = FAST.replace(min_interactions=1, tuning_rows=200)
    result = search(data, tmp_path / "run", steps=("mlp",), settings=settings).fit(
        data.train, data.validation
    )
    assert len(result.interactions()) == 0
    assert not result.architecture.interactions
    assert not of_kind(result, "tuning")


class KilledError(Exception):
    pass


STOPS = {
    "in a round": (interaction_search.phases, "train_phase", 2),
    "before a round is scored": (interaction_search, "score_candidates", 2),
    "before a round's selection": (interaction_search, "select_forward", 2),
    "before the choice": (interaction_search, "select_forward", 3),
    "in the MLP supernet": (mlp_search.phases, "train_phase", 3),
    "in scoring MLPs": (mlp_search.PathScorer, "__call__", 2),
    "in the second prior": (final_training, "fit_until_plateau", 2),
    "before the second prior is scored": (CtrWorkbench, "score", 2),
    "in the prior of the found": (final_training, "fit_until_plateau", 4),
    "in final training": (final_training, "fit_until_plateau", 5),
    "in final training of a reference": (ctr_program, "train_final", 2),
    "before scratch": (ctr_search, "train_final", 2),
}


@pytest.fixture(scope="module")
def undisturbed(eagerly, data, tmp_path_factory) -> CtrResult:
    folder = tmp_path_factory.mktemp("undisturbed")
    return search(data, folder, settings=small_ctr_run.TUNED).fit(data.train, data.validation)


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS)
def test_resumed_equals_undisturbed(undisturbed, data, tmp_path, monkeypatch, stop):
    place, name, number = STOPS[stop]
    original, calls = getattr(place, name), []

    def killed(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            raise KilledError
        return original(*args, **kwargs)

    monkeypatch.setattr(place, name, killed)
    with pytest.raises(KilledError):
        search(data, tmp_path / "run", settings=small_ctr_run.TUNED).fit(
            data.train, data.validation
        )
    monkeypatch.setattr(place, name, original)
    resumed = search(data, tmp_path / "run", settings=small_ctr_run.TUNED).fit(
        data.train, data.validation
    )
    assert resumed.architecture == undisturbed.architecture
    assert resumed.run.trials() == undisturbed.run.trials()


def test_weights_of_a_round_that_were_deleted(data, tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise KilledError

    monkeypatch.setattr(interaction_search.InteractionSearch, "_choose", killed)
    with pytest.raises(KilledError):
        search(data, tmp_path / "run").fit(data.train, data.validation)
    monkeypatch.undo()
    [file] = (tmp_path / "run" / "checkpoints").glob("interaction_supernet_*.npz")
    file.unlink()
    with pytest.raises(RunError, match="The weights of round 2 of the interactions are gone: sea"):
        search(data, tmp_path / "run").fit(data.train, data.validation)


def test_a_training_that_diverges_is_recorded(data, tmp_path, monkeypatch):
    original = ctr_search.train_final

    def diverges(bench, clock, name, *args, **kwargs):
        if name.startswith("scratch"):
            raise TrainingError("The loss is nan")
        return original(bench, clock, name, *args, **kwargs)

    monkeypatch.setattr(ctr_search, "train_final", diverges)
    result = search(data, tmp_path / "run", settings=FAST).fit(data.train, data.validation)
    assert [trial["reason"] for trial in of_kind(result, "failed")] == ["The loss is nan"] * 2
    assert set(result.leaderboard()["training"]) == {"inherited", "fine-tuned"}


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ("behavior",)}, r"among \('interaction', 'mlp'\) for task 'ctr'.*behavior"),
        ({"steps": ("mlp", "interaction")}, "in this order"),
        ({"steps": ()}, r"Received: steps=\(\)"),
        (
            {"settings": Settings()},
            "`settings` must be changes by name, or CtrSettings for task 'c",
        ),
        ({"preset": "fast", "settings": None}, "`preset` must be one of quick, standard, paper"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_wrong_arguments(data, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        search(data, tmp_path / "run", **options)


def test_one_field_has_nothing_to_interact_with(tmp_path):
    spec = FeatureSpec(
        (CategoricalField("ad"),), (Vocabulary("ad", "integer", "int64", size=4),), label="click"
    )
    with pytest.raises(ArchitectureError, match="need two or more different fields"):
        AmerSearch(spec, tmp_path / "run")
    assert AmerSearch(spec, tmp_path / "run", steps=("mlp",)).settings.mlp_layers == 3


def test_numbers_alone(tmp_path):
    fitted = Normalization(low=0.0, high=9.0, mean=4.0)
    spec = FeatureSpec((NumericField("price", normalization=fitted),), (), label="click")
    message = r"needs a categorical or a multi-valued field. Received: \['price'\], all of them"
    with pytest.raises(SpecError, match=message):
        AmerSearch(spec, tmp_path / "run", steps=("mlp",))


def test_splits_that_do_not_fit(data, tmp_path):
    other = dataclasses.replace(data.spec, fields=data.spec.fields[1:])
    with pytest.raises(SplitError, match="The training split is of another data set"):
        AmerSearch(other, tmp_path / "other").fit(data.train, data.validation)

    class OneClass(type(data.validation)):
        @property
        def labels(self):
            return np.ones(self.num_examples, "float32")

    alike = data.validation.limit(10)
    alike.__class__ = OneClass
    with pytest.raises(SplitError, match=r"The validation split must have both.*Received: \[1.0\]"):
        search(data, tmp_path / "run").fit(data.train, alike)


@pytest.mark.slow
def test_trees_that_were_deleted(data, tmp_path):
    settings = small_ctr_run.SETTINGS.replace(references=("lightgbm",))
    result = search(data, tmp_path / "run", settings=settings, steps=("mlp",)).fit(
        data.train, data.validation
    )
    (result.run.path / "reference_lightgbm.txt").unlink()
    with pytest.raises(RunError, match="The trees of the reference lightgbm are gone. Received: "):
        result.evaluate_references(data.validation)


def test_a_reference_without_its_package(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ValueError, match=r"install amer_tf\[trees\], or leave it out .* Received"):
        search(data, tmp_path / "run").fit(data.train, data.validation)
    assert not (tmp_path / "run").exists()
