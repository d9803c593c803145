"""Whole searches on a tiny data set: what stands in the run folder, time limits, errors."""

from __future__ import annotations

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf import AmerSearch, Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import behavior_search, next_item_program, workbench
from amer_tf.search.next_item_program import NextItemProgram
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError
from amer_tf.training.group_scoring import GroupScorer
from amer_tf.training.next_item import NextItemTrainer
from amer_tf.training.next_item_evaluation import evaluate
from tests.search import small_run
from tests.search.fake_clock import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def kinds(run):
    return [trial["kind"] for trial in run.trials()]


def test_trials(finished):
    # What needs no training; three groups of three paths; the three best again; two finalists.
    assert kinds(finished.run) == (
        ["reference"] * 2
        + ["random"] * 9
        + ["inherited"] * 3
        + ["fine-tuned"] * 2
        + ["scratch"] * 2
        + ["final"]
        + ["reference"]
    )
    random = [trial for trial in finished.run.trials() if trial["kind"] == "random"]
    assert [(trial["group"], trial["path"]) for trial in random] == [
        (group, path) for group in range(3) for path in range(3)
    ]
    assert {trial["users"] for trial in random} == {30}


def test_the_best_by_inherited_score_go_on(finished):
    trials = finished.run.trials()
    random = [trial for trial in trials if trial["kind"] == "random"]
    again = [trial for trial in trials if trial["kind"] == "inherited"]
    best = sorted(random, key=lambda trial: -trial["score"])
    unique = list({json.dumps(trial["architecture"]): trial for trial in best}.values())
    assert [trial["architecture"] for trial in again] == [
        trial["architecture"] for trial in unique[:3]
    ]
    chosen = sorted(again, key=lambda trial: -trial["score"])[:2]
    for kind in ("fine-tuned", "scratch"):
        found = [trial["architecture"] for trial in trials if trial["kind"] == kind]
        assert found == [trial["architecture"] for trial in chosen]


@pytest.mark.usefixtures("quick_search")
@pytest.mark.parametrize("training", ["cut", "every_position"])
def test_networks_are_causal_where_each_step_asks(training, data, tmp_path, monkeypatch):
    asked, dropped = set(), set()
    batches, build = type(data.train).batches, next_item_program.Workbench.build

    def recorded(split, *arguments, **options):
        asked.add(options.get("ask"))
        return batches(split, *arguments, **options)

    def built(bench, architecture, **options):
        dropped.add(bench.drop_event)
        return build(bench, architecture, **options)

    monkeypatch.setattr(type(data.train), "batches", recorded)
    monkeypatch.setattr(next_item_program.Workbench, "build", built)
    settings = small_run.SETTINGS.replace(
        training=training, supernet_epochs=1, scratch_epochs=1, final_epochs=0, references=()
    )
    search = AmerSearch(data.spec, tmp_path / "run", settings=settings)
    result = search.fit(data.train, data.validation)
    causal = training == "every_position"
    trials = [trial for trial in result.run.trials() if "architecture" in trial]
    assert {trial["architecture"]["causal"] for trial in trials} == {causal}
    assert result.architecture.causal is causal
    assert asked - {None} == {training}
    assert dropped == {0.0 if causal else 0.2}
    layers = {layer.name for layer in result.model.layers}
    assert ("amer.causal_states" in layers) is causal


def test_the_result_is_the_best_trial(finished):
    models = [trial for trial in finished.run.trials() if "parameters" in trial]
    own = [trial for trial in models if trial["kind"] != "reference"]
    best = max(own, key=lambda trial: trial["score"])
    assert finished.best_trial == best
    assert finished.score == best["score"] == best["metrics"]["ndcg@5"]
    architecture = json.loads((finished.run.path / "architecture.json").read_text())
    assert architecture == best["architecture"]
    assert finished.architecture == Architecture.from_dict(architecture)
    metrics = json.loads((finished.run.path / "metrics.json").read_text())
    assert metrics["validation"] == best["metrics"]
    assert metrics["seconds"] > 0.0
    assert metrics["environment"]["keras"] == keras.__version__


def test_the_model_on_disk_is_that_of_the_best_trial(finished, data):
    model = keras.models.load_model(finished.run.path / "model.keras")
    options = {"num_items": small_run.NUM_ITEMS + 2, "num_negatives": 10, "seed": small_run.SEED}
    found = evaluate(NextItemNetwork(model, data.spec), data.validation, **options)
    assert found["ndcg@5"] == pytest.approx(finished.score, abs=1e-6)
    assert found["digest"] == finished.metrics["validation"]["digest"]


def test_nothing_but_the_result_is_left(finished):
    names = {str(file.relative_to(finished.run.path)) for file in finished.run.path.rglob("*")}
    assert names == {
        "architecture.json",
        "checkpoints",
        "config.json",
        "metrics.json",
        "model.keras",
        "phases.json",
        "reference_transformer.keras",
        "spec.json",
        "splits.json",
        "trials.jsonl",
    }
    phases = finished.run.phases()
    assert len(phases["supernet"]["curve"]) == phases["supernet"]["epochs"] == 3
    for phase in ("supernet", "scoring", "rescoring", "finetuning", "scratch", "final"):
        assert phases[phase]["done"] is True


def test_a_finished_search_returns_at_once(finished, data, monkeypatch):
    def trained(*args, **kwargs):
        raise AssertionError("searched again")

    monkeypatch.setattr(next_item_program, "BehaviorSearch", trained)
    before = {file: file.read_bytes() for file in finished.run.path.glob("*.json*")}
    search = AmerSearch(
        data.spec, finished.run.path, settings=small_run.SETTINGS, seed=small_run.SEED
    )
    for arguments in ((data.train, data.validation), (data,), (data.folder,), (str(data.folder),)):
        assert search.fit(*arguments).summary() == finished.summary()
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 4}, "another seed: 3.*Received: seed=4"),
        ({"time_limit": "2m"}, "another time_limit: null.*Received: time_limit=120.0"),
        (
            {"settings": small_run.SETTINGS.replace(num_blocks=1)},
            r"another settings\.num_blocks: 2.*Received: settings\.num_blocks=1",
        ),
        ({"spec": "other"}, "another spec: "),
    ],
)
def test_a_run_of_other_arguments_is_not_resumed(finished, data, tmp_path, options, message):
    arguments = {"settings": small_run.SETTINGS, "seed": small_run.SEED, **options}
    spec = arguments.pop("spec", data.spec)
    if spec == "other":
        spec = small_run.prepare(tmp_path, first_item=500).spec
    with pytest.raises(RunError, match=message):
        AmerSearch(spec, finished.run.path, **arguments)


def test_an_empty_split(data, tmp_path):
    search = AmerSearch(data.spec, tmp_path, settings=small_run.SETTINGS)
    empty = types.SimpleNamespace(num_examples=0)
    with pytest.raises(ValueError, match="The validation split has no examples"):
        search.fit(data.train, empty)
    with pytest.raises(ValueError, match="The training split has no examples"):
        search.fit(empty, data.validation)


def test_a_full_disk_while_the_spec_is_written(data, tmp_path, monkeypatch):
    def full(self, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FeatureSpec, "save", full)
    with pytest.raises(RunError, match="spec cannot be written: .*No space left.*same command"):
        AmerSearch(data.spec, tmp_path / "run")


# Failures ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_search")
def test_a_model_that_diverges_does_not_end_the_search(data, tmp_path, monkeypatch):
    original, tried = workbench.Workbench.train, []

    def train(self, name, *args, **kwargs):
        tried.append(name)
        if name in ("finetuning_0", "scratch_1", "transformer"):
            raise TrainingError(f"The loss of {name} is nan.")
        return original(self, name, *args, **kwargs)

    monkeypatch.setattr(workbench.Workbench, "train", train)
    monkeypatch.setattr(
        NextItemProgram, "_compare", lambda *args: compare(*args) or pytest.fail("told to stop")
    )
    search = AmerSearch(data.spec, tmp_path, settings=small_run.SETTINGS)
    with pytest.raises(pytest.fail.Exception):
        search.fit(data.train, data.validation)
    # The same call again tries none of them again.
    monkeypatch.setattr(NextItemProgram, "_compare", compare)
    result = search.fit(data.train, data.validation)
    names = [f"{phase}_{index}" for phase in ("finetuning", "scratch") for index in (0, 1)]
    assert tried == [*names, "final", "transformer"]
    failed = [trial for trial in result.run.trials() if trial["kind"] == "failed"]
    assert [(trial["of"], trial["reason"]) for trial in failed] == [
        ("fine-tuned", "The loss of finetuning_0 is nan."),
        ("scratch", "The loss of scratch_1 is nan."),
        ("reference", "The loss of transformer is nan."),
    ]
    assert list(result.leaderboard()["training"]).count("scratch") == 1
    assert "transformer" not in set(result.leaderboard()["system"])


compare = NextItemProgram._compare


@pytest.mark.usefixtures("quick_search")
def test_a_search_of_which_nothing_is_left(data, tmp_path, monkeypatch):
    def score(self, model, split):
        raise EvaluationError("The scores are nan.")

    monkeypatch.setattr(workbench.Workbench, "score", score)
    search = AmerSearch(data.spec, tmp_path, settings=small_run.SETTINGS)
    with pytest.raises(TrainingError, match=r"No model of this run .* scored\. The scores are nan"):
        search.fit(data.train, data.validation)


# Time --------------------------------------------------------------------------------------------

SECONDS = {"step": 4.0, "group": 2.0, "model": 3.0}


@pytest.fixture
def clock(monkeypatch):
    """Time passes with work alone: a step, a scored group, a scored model."""
    clock = FakeClock(monkeypatch)

    def timed(owner, name, seconds):
        original = getattr(owner, name)

        def call(*args, **kwargs):
            clock.advance(seconds)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    timed(NextItemTrainer, "train_step", SECONDS["step"])
    timed(GroupScorer, "__call__", SECONDS["group"])
    timed(workbench.Workbench, "score", SECONDS["model"])
    return clock


LONG = small_run.SETTINGS.replace(
    num_blocks=1,
    supernet_epochs=1000,
    patience=1000,
    num_architectures=1000,
    finetune_epochs=1000,
    scratch_epochs=1000,
    final_epochs=1000,
)


@pytest.mark.usefixtures("quick_search")
def test_the_time_limit_is_kept(data, tmp_path, clock):
    search = AmerSearch(data.spec, tmp_path, settings=LONG, time_limit=200.0)
    result = search.fit(data.train, data.validation)
    assert 160.0 <= result.metrics["seconds"] <= 220.0
    assert set(kinds(result.run)) == {
        *("random", "inherited", "fine-tuned", "scratch", "reference")
    }
    phases = result.run.phases()
    # The supernet trains for its share: of the time, not of the epochs.
    assert phases["supernet"]["used"] == pytest.approx(
        200.0 * behavior_search.PHASE_SHARES["supernet"], abs=sum(SECONDS.values())
    )


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search")
@pytest.mark.parametrize(("epochs", "expected"), [(6, 2), (12, 1), (1000, 1)])
def test_as_many_finalists_as_can_be_trained_whole(data, tmp_path, clock, epochs, expected):
    # Of 300 seconds some 148 are for training from scratch, where an epoch of two steps takes 8.
    settings = LONG.replace(scratch_epochs=epochs, finetune_epochs=0, references=())
    search = AmerSearch(data.spec, tmp_path, settings=settings, time_limit=300.0)
    result = search.fit(data.train, data.validation)
    phases = result.run.phases()
    trained = [phases[f"scratch_{index}"] for index in range(expected)]
    assert kinds(result.run).count("scratch") == expected
    assert all(record["epoch"] == epochs for record in trained if epochs < 100)
    assert result.metrics["seconds"] <= 330.0


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search")
def test_the_time_left_over_trains_the_best_longer(data, tmp_path, clock):
    settings = LONG.replace(scratch_epochs=2, finetune_epochs=0, references=())
    search = AmerSearch(data.spec, tmp_path, settings=settings, time_limit=900.0)
    result = search.fit(data.train, data.validation)
    phases = result.run.phases()
    assert kinds(result.run)[-1] == "final"
    assert phases["final"]["epoch"] > phases["scratch_0"]["epoch"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search")
def test_the_time_of_killed_attempts_counts(data, tmp_path, clock, monkeypatch):
    class Killed(BaseException):
        pass

    original = RunFolder.record_phase

    for count in (9, 30, 20):
        left = [count]

        def record(self, name, left=left, **values):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            original(self, name, **values)

        monkeypatch.setattr(RunFolder, "record_phase", record)
        search = AmerSearch(data.spec, tmp_path, settings=LONG, time_limit=200.0)
        with pytest.raises(Killed):
            search.fit(data.train, data.validation)
    monkeypatch.setattr(RunFolder, "record_phase", original)
    start = clock.now
    search = AmerSearch(data.spec, tmp_path, settings=LONG, time_limit=200.0)
    result = search.fit(data.train, data.validation)
    assert result.metrics["seconds"] <= 220.0
    assert clock.now - start < 150.0


@pytest.mark.usefixtures("quick_search")
def test_with_hardly_any_time_there_is_still_a_result(data, tmp_path, clock, caplog):
    search = AmerSearch(data.spec, tmp_path, settings=LONG, time_limit=5.0)
    result = search.fit(data.train, data.validation)
    assert result.best_trial["kind"] == "inherited"
    assert "scratch" not in kinds(result.run)
    systems = [trial["name"] for trial in result.run.trials() if trial["kind"] == "reference"]
    assert systems == ["popularity", "ease"]
    assert "transformer is left out: the search has used up the time limit" in caplog.text


# Compiled ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("training", ["cut", "every_position"])
def test_a_compiled_search_in_the_whole_space(training, tmp_path, caplog, recwarn, monkeypatch):
    data = small_run.prepare(tmp_path / "data", attributes=True)
    monkeypatch.setattr(workbench, "STEPS_FOR_XLA", 4)
    settings = small_run.SETTINGS.replace(
        num_blocks=1, num_finalists=1, final_epochs=0, training=training, causal_training=training
    )
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        search = AmerSearch(data.spec, tmp_path / "run", settings=settings)
        result = search.fit(data.train, data.validation)
    finally:
        logger.removeHandler(caplog.handler)
    assert kinds(result.run).count("random") == 11
    table = result.model.get_layer("amer.catalog").table
    np.testing.assert_array_equal(table, data.catalog)
    assert np.isfinite(result.score)
    found = result.evaluate(data.validation, num_negatives=10)
    assert found["ndcg@5"] == pytest.approx(result.score, abs=1e-6)
    assert [message for message in caplog.messages if "retracing" in message] == []
    assert [str(warning.message) for warning in recwarn if "shuffle" in str(warning.message)] == []
