"""Whole searches of task ctr on a tiny table with a behaviour."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf import AmerSearch
from amer_tf.architecture import Architecture
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.search import ctr_behavior_search, ctr_search, final_training, mlp_search
from amer_tf.search.ctr_behavior_search import CtrBehaviorSearch
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.ctr_settings import preset
from amer_tf.search.state import RunFolder
from amer_tf.training.platt_scaling import fit_platt_scaling
from tests.search import small_hybrid_run
from tests.search.small_ctr_run import of_kind
from tests.search.small_hybrid_run import EVOLUTION, LAYERS, SETTINGS, search

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly", "few_layers"),
]


@pytest.fixture(scope="module")
def few_layers():
    with small_hybrid_run.few_layers():
        yield


@pytest.fixture(scope="module")
def data(hybrid_data):
    return hybrid_data


@pytest.fixture(scope="module")
def finished(finished_hybrid) -> CtrResult:
    assert isinstance(finished_hybrid, CtrResult)
    return finished_hybrid


def architectures(result, kind):
    return [Architecture.from_dict(trial["architecture"]) for trial in of_kind(result, kind)]


def best_blocks(result):
    """Blocks of step 1, by their score on the whole validation split, and before that."""
    sampled = [
        trial
        for trial in result.run.trials()
        if trial["kind"] in ("random behavior", "evolved behavior")
    ]
    sampled.sort(key=lambda trial: -trial["score"])
    blocks = [Architecture.from_dict(trial["architecture"]).blocks for trial in sampled]
    return list(dict.fromkeys(blocks))


def test_all_steps_are_the_default(data, tmp_path):
    assert search(data, tmp_path / "run").run.read_json("config.json")["steps"] == [
        *("behavior", "interaction", "mlp")
    ]


def test_blocks_are_sampled_in_fair_groups(finished, data):
    random, evolved = (of_kind(finished, f"{kind} behavior") for kind in ("random", "evolved"))
    # A quarter of six groups of four paths, rounded down, is random.
    assert (len(random), len(evolved)) == (4, 20)
    for number in range(6):
        group = [trial for trial in (*random, *evolved) if trial["group"] == number]
        assert [trial["path"] for trial in group] == [0, 1, 2, 3]
        for block in range(2):
            names = [trial["architecture"]["blocks"][block]["layer"] for trial in group]
            assert sorted(names) == sorted(LAYERS)
    assert {trial["rows"] for trial in random} == {min(60, data.validation.num_examples)}
    for architecture in architectures(finished, "evolved behavior"):
        assert architecture.interactions == ()
        assert [layer.units for layer in architecture.mlp] == [8, 6]
        assert architecture.shortcut == "squeeze_excitation"


def test_the_best_are_scored_again_on_all_rows(finished, data):
    inherited = architectures(finished, "inherited")
    # Two stacks of blocks, two MLPs, and both together.
    assert len(inherited) == 5
    assert [each.blocks for each in inherited[:2]] == best_blocks(finished)[:2]
    assert [each.blocks for each in inherited[2:4]] == [(), ()]
    assert all(each.interactions for each in inherited[2:])
    for trial in of_kind(finished, "inherited"):
        assert trial["metrics"]["count"] == data.validation.num_examples


def test_the_result_is_compared_with_the_same_without_each_step(finished):
    inherited = sorted(of_kind(finished, "inherited")[:2], key=lambda trial: -trial["score"])
    first, second = (Architecture.from_dict(each["architecture"]).blocks for each in inherited)
    [best_mlp, *_] = sorted(of_kind(finished, "inherited")[2:4], key=lambda trial: -trial["score"])
    mlp = Architecture.from_dict(best_mlp["architecture"]).mlp
    found, *others = architectures(finished, "scratch")
    assert (found.blocks, found.mlp) == (first, mlp)
    assert len(found.interactions) == 2
    predefined = finished.config["settings"]["behavior_units"]
    assert others[0] == dataclasses.replace(found, blocks=())
    assert [layer.units for layer in others[1].mlp] == predefined
    assert (others[1].blocks, others[1].interactions) == (first, found.interactions)
    assert others[2] == dataclasses.replace(found, blocks=second)
    assert architectures(finished, "fine-tuned") == [found]
    assert architectures(finished, "inherited")[-1] == found


def test_references_read_the_behaviour(finished, data):
    assert tuple(finished.references()) == ("dnn", "deepfm", "din")
    for name in finished.references():
        model = finished.load_model(f"reference_{name}.keras")
        assert "history" in model.input
        assert [model.get_layer(f"amer.hidden_{index}").units for index in range(2)] == [8, 6]
    scores = finished.evaluate_references(data.test)
    assert scores["din"]["count"] == data.test.num_examples


def test_the_model_on_disk_is_that_of_the_best_trial(finished, data):
    metrics = finished.evaluate(data.validation)
    assert metrics["auc"] == pytest.approx(finished.score, abs=1e-6)
    logits = finished.evaluator.logits(data.validation)
    scaled = fit_platt_scaling(data.validation.labels, logits)
    np.testing.assert_allclose(scaled, (1.0, 0.0), atol=0.05)


def test_nothing_but_the_result_is_left(finished):
    assert not list((finished.run.path / "checkpoints").iterdir())
    curve = finished.run.phases()["behavior"]["curve"]
    assert len(curve) == SETTINGS.behavior_epochs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        (("behavior",), ["inherited", "inherited", "fine-tuned", *["scratch"] * 3]),
        (
            ("behavior", "interaction"),
            [*["inherited"] * 3, "fine-tuned", *["scratch"] * 3],
        ),
        (
            ("behavior", "mlp"),
            [*["inherited"] * 5, "fine-tuned", *["scratch"] * 4],
        ),
    ],
)
def test_subsets_of_steps(data, tmp_path, steps, kinds):
    settings = SETTINGS.replace(references=())
    result = search(data, tmp_path / "run", settings, steps=steps).fit(data.train, data.validation)
    models = ("inherited", "fine-tuned", "scratch")
    assert [trial["kind"] for trial in result.run.trials() if trial["kind"] in models] == kinds
    [fine_tuned] = architectures(result, "fine-tuned")
    assert len(fine_tuned.blocks) == 2
    assert bool(fine_tuned.interactions) == ("interaction" in steps)


@pytest.mark.slow
def test_blocks_alone_have_a_prior_of_their_own(data, tmp_path):
    settings = SETTINGS.replace(
        references=(), prior_precisions=(3.0, 30.0), tuning_rows=100, final_epochs=1
    )
    result = search(data, tmp_path / "run", settings, steps=("behavior",)).fit(
        data.train, data.validation
    )
    tried = [(trial["setting"], trial["system"]) for trial in of_kind(result, "tuning")]
    assert tried == [("prior_precision", "dnn")] * 2 + [("prior_precision", "amer")] * 2


@pytest.mark.slow
def test_without_step_1_a_behaviour_is_pooled_as_it_is(data, tmp_path):
    settings = SETTINGS.replace(references=("din",))
    result = search(data, tmp_path / "run", settings, steps=("interaction", "mlp")).fit(
        data.train, data.validation
    )
    assert {each.blocks for each in architectures(result, "scratch")} == {()}
    assert not of_kind(result, "random behavior")
    assert [len(each.mlp) for each in architectures(result, "scratch")] == [2, 2]
    predefined = architectures(result, "scratch")[1].mlp
    assert tuple(layer.units for layer in predefined) == settings.behavior_units
    assert "amer.target_attention" in [layer.name for layer in result.model.layers]


@pytest.mark.slow
def test_inherited_weights_are_those_of_the_supernets(data, tmp_path, monkeypatch):
    checked = []
    original = ctr_search.CtrSearch._combined

    def combined(self, found, behavior, search):
        model = original(self, found, behavior, search)
        expected = self.bench.build(found)
        search.supernet().inherit(expected, found.mlp)
        blocks = behavior.supernet().blocks
        for layer in model.layers:
            if layer.name.startswith("amer.block_"):
                source = blocks[int(layer.name.removeprefix("amer.block_"))]
                known = source.candidate(layer.layer).get_weights() if layer.weights else []
                weights = layer.operation.get_weights() if layer.weights else []
            else:
                known = expected.get_layer(layer.name).get_weights()
                weights = layer.get_weights()
            for weight, own in zip(weights, known, strict=True):
                np.testing.assert_array_equal(weight, own)
            checked.append(layer.name)
        return model

    monkeypatch.setattr(ctr_search.CtrSearch, "_combined", combined)
    settings = SETTINGS.replace(references=(), final_epochs=1)
    search(data, tmp_path / "run", settings, steps=("behavior", "mlp")).fit(
        data.train, data.validation
    )
    assert {"amer.embedding", "amer.block_0", "amer.block_1", "amer.hidden_1"} <= set(checked)


class Killed(BaseException):
    """Not caught by anything, as a signal would not be."""


STOPS = {
    "in the supernet": (RunFolder, "save_arrays", 2),
    "after its epoch": (RunFolder, "record_phase", 4),
    "in scoring blocks": (ctr_behavior_search.PathScorer, "__call__", 5),
    "before evolved blocks are written": (RunFolder, "append_trials", 3),
    "in scoring again": (CtrBehaviorSearch, "inherited", 2),
    "in the MLP supernet": (mlp_search.phases, "train_phase", 3),
    "in fine-tuning": (final_training, "fit_until_plateau", 1),
    "in training from scratch": (final_training, "fit_until_plateau", 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS)
def test_resumed_equals_undisturbed(finished, data, tmp_path, monkeypatch, stop):
    place, name, number = STOPS[stop]
    original, calls = getattr(place, name), []

    def killed(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(place, name, killed)
    with pytest.raises(Killed):
        search(data, tmp_path / "run", EVOLUTION).fit(data.train, data.validation)
    monkeypatch.setattr(place, name, original)
    resumed = search(data, tmp_path / "run", EVOLUTION).fit(data.train, data.validation)
    assert resumed.architecture == finished.architecture
    assert resumed.run.trials() == finished.run.trials()
    curves = [result.run.phases()["behavior"]["curve"] for result in (resumed, finished)]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_killed_again_and_again(finished, data, tmp_path, monkeypatch):
    from tests.search.test_resume import Killed as KilledAnywhere
    from tests.search.test_resume import kill_at

    moments, kills = np.random.default_rng(0), 0
    while kills < 200:
        with monkeypatch.context() as context:
            kill_at(context, int(moments.integers(4, 40)))
            try:
                result = search(data, tmp_path, EVOLUTION).fit(data.train, data.validation)
            except KilledAnywhere:
                kills += 1
                continue
        break
    assert 5 < kills < 200
    assert result.run.trials() == finished.run.trials()
    models = [keras.models.load_model(run / "model.keras") for run in (tmp_path, finished.run.path)]
    for weight, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.slow
def test_a_time_limit_ends_every_phase(data, tmp_path):
    settings = SETTINGS.replace(
        behavior_epochs=1000,
        num_behaviors=100_000,
        mlp_epochs=1000,
        num_mlps=100_000,
        final_epochs=1000,
        patience=1000,
        references=(),
    )
    result = search(data, tmp_path / "run", settings, time_limit="8s").fit(
        data.train, data.validation
    )
    assert result.metrics["seconds"] < 60
    assert result.architecture.mlp


# What is refused ----------------------------------------------------------------------------------


def test_a_table_has_no_step_1(ctr_data, tmp_path):
    message = (
        r"`steps` must be among \('interaction', 'mlp'\) for task 'ctr' without behavior fields.*"
    )
    with pytest.raises(ValueError, match=message):
        AmerSearch(ctr_data.spec, tmp_path / "run", steps=("behavior", "mlp"))


def test_states_that_four_heads_cannot_share(data, tmp_path):
    settings = SETTINGS.replace(embedding_dim=6)
    with pytest.raises(ValueError, match="must be a multiple of 4, for attention.*units=6"):
        search(data, tmp_path / "run", settings)
    assert search(data, tmp_path / "run", settings, steps=("mlp",)).settings.embedding_dim == 6


def test_the_preset_of_the_paper_for_rows_with_a_behaviour():
    spec = FeatureSpec(
        (CategoricalField("ad", "target"), CategoricalField("history", "behavior", "ad")),
        (Vocabulary("ad", "integer", "int64", size=4),),
        label="click",
        target_to_behavior={"ad": "history"},
    )
    paper = preset("paper", spec)
    assert (paper.embedding_dim, paper.batch_size, paper.num_blocks) == (4, 1024, 3)
    assert paper.hidden_units == paper.behavior_units == (200, 80)
    assert (paper.num_interactions, paper.behavior_epochs, paper.num_behaviors) == (5, 15, 2000)
    assert preset("standard", spec) == preset("standard")
