"""From a table of raw columns to a served model within limits, without a prepared folder."""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from amer_tf import AmerSearch, FeatureSpec
from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.export.raw_table import encode_table
from amer_tf.models import amer
from amer_tf.search import ctr_behavior_search, ctr_search, tuning
from amer_tf.search.admission import left_out
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.run_error import RunError
from amer_tf.search.trials import MODEL_KINDS, RESCORED
from amer_tf.training.array_split import ArrayEvaluationSplit
from tests.search import small_ctr_run, small_hybrid_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]
SETTINGS = small_hybrid_run.SETTINGS.replace(references=("dnn",), num_mlps=20)


@pytest.fixture(autouse=True)
def few_layers():
    with small_hybrid_run.few_layers():
        yield


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> FeatureSpec:
    return small_hybrid_run.prepare(tmp_path_factory.mktemp("hybrid_data")).spec


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Other rows of the same columns, users without a history and unknown ads among them."""
    generator = np.random.default_rng(5)
    histories = [
        [f"a{item}" for item in generator.integers(0, 12, size=row % 8)] for row in range(300)
    ]
    ads = [f"a{generator.integers(0, 12)}" for _ in histories]
    known = [ad in history for ad, history in zip(ads, histories, strict=True)]
    return pd.DataFrame(
        {
            "user": [f"u{row % 15}" for row in range(300)],
            "ad": ads,
            "history": histories,
            "hour": [str(row % 7) for row in range(300)],
            "price": generator.uniform(0, 5, size=300),
            "click": (generator.random(300) < np.where(known, 0.8, 0.3)).astype("int64"),
        }
    )


def search(spec: FeatureSpec, folder, settings=SETTINGS, **options) -> AmerSearch:
    return AmerSearch(spec, folder, settings=settings, seed=small_ctr_run.SEED, **options)


def dataset(spec: FeatureSpec, rows: pd.DataFrame) -> tf.data.Dataset:
    """Encoded rows as whoever has a pipeline of his own gives them."""
    inputs, labels, _ = encode_table(spec, rows)
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(64)


def test_a_frame_an_arrow_table_and_a_dataset_are_the_same(spec, table, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    train, validation = table[:200], table[200:].reset_index(drop=True)
    kinds = {
        "frame": (train, validation),
        "arrow": (pyarrow.Table.from_pandas(train), pyarrow.Table.from_pandas(validation)),
        "dataset": tuple(dataset(spec, part) for part in (train, validation)),
    }
    results = {
        name: search(spec, tmp_path / name, steps=("behavior",)).fit(*splits)
        for name, splits in kinds.items()
    }
    first, *others = (result.run.trials() for result in results.values())
    assert all(trials == first for trials in others)


def test_the_export_answers_the_rows_as_they_are(spec, table, tmp_path):
    validation = table[200:].reset_index(drop=True)
    result = search(spec, tmp_path / "run").fit(table[:200], validation)
    # The finished run answers its own data alone.
    assert search(spec, tmp_path / "run").fit(table[:200], validation).score == result.score
    with pytest.raises(RunError, match="holds a run with another digest of the training labels"):
        search(spec, tmp_path / "run").fit(table[:150], validation)
    split = ArrayEvaluationSplit(*encode_table(result.spec, validation))
    logits = result.evaluator.logits(split)
    assert result.evaluate(validation) == result.evaluate(split)
    assert result.evaluate_references(validation) == result.evaluate_references(split)
    served = tf.saved_model.load(str(result.export(tmp_path / "served" / "1")))
    steps = max(map(len, validation["history"]))
    answer = served.signatures["serving_default"](
        user=tf.constant(validation["user"].tolist()),
        ad=tf.constant(validation["ad"].tolist()),
        history=tf.constant([row + [""] * (steps - len(row)) for row in validation["history"]]),
        hour=tf.constant(validation["hour"].tolist()),
        price=tf.constant(validation["price"], tf.float32),
    )
    np.testing.assert_allclose(
        answer["probability"], keras.ops.sigmoid(logits), atol=1e-6, rtol=1e-6
    )


def test_limits_hold_for_all_that_is_trained(spec, table, tmp_path):
    splits = (table[:200], table[200:])
    free = search(spec, tmp_path / "free", steps=("mlp",)).fit(*splits)
    sizes = sorted(
        result_size(free, trial) for trial in free.run.trials() if trial["kind"] == "inherited"
    )
    assert sizes[0] < sizes[-1]
    limit = sizes[0]
    limits = {"max_params": limit, "max_latency_ms": 1e4}
    small = search(spec, tmp_path / "small", steps=("mlp",), **limits).fit(*splits)
    trained = [trial for trial in small.run.trials() if trial["kind"] in ("scratch", "fine-tuned")]
    assert trained
    assert all(result_size(small, trial) <= limit for trial in trained)
    assert small.model.count_params() <= limit
    measured = [trial for trial in small.run.trials() if trial["kind"] == "measured"]
    candidates = [trial for trial in measured if "name" not in trial]
    assert candidates
    assert all(trial["parameters"] <= limit and trial["latency_ms"] for trial in candidates)
    # The found model and the hand-made network once more at the end, side by side.
    assert [trial.get("name") for trial in measured[-2:]] == ["amer", "dnn"]
    assert measured[-2]["architecture"] == small.architecture.to_dict()
    board = small.leaderboard()
    best, dnn = board.iloc[0 if board["system"][0] == "amer" else 1], board[board.system == "dnn"]
    assert best["ms_256"] == measured[-2]["latency_ms"]["256"]
    assert list(dnn["ms_256"]) == [measured[-1]["latency_ms"]["256"]]


def test_interactions_that_widen_the_model_are_left_out(spec, table, tmp_path):
    """Blocks leave room for the fewest interactions; the others have to fit beside them."""
    splits, steps = (table[:200], table[200:]), ("behavior", "interaction")
    free = search(spec, tmp_path / "free", steps=steps).fit(*splits)
    settings = SETTINGS.replace(min_interactions=1)
    frame = dataclasses.replace(free.architecture, blocks=(), interactions=())
    one = dataclasses.replace(frame, interactions=free.architecture.interactions[:1])
    limit = size_of(free, one)
    small = search(spec, tmp_path / "small", settings, steps=steps, max_params=limit)
    small = small.fit(*splits)
    assert small.model.count_params() <= limit
    assert len(small.interactions()) > len(small.architecture.interactions)
    assert "interactions left out: with them the model has" in " ".join(left_out(small.run))


class KilledError(Exception):
    pass


def test_nothing_over_a_limit_is_trained(spec, table, tmp_path, monkeypatch):
    """Nor tried out, where the predefined MLP is too large; what that trained is final."""
    splits, steps = (table[:200], table[200:]), ("interaction", "mlp")
    settings = small_ctr_run.TUNED.replace(
        behavior_units=(60, 60),
        tuning_rows=10_000,
        references=(),
        num_screened=3,
        num_kept=2,
        num_interactions=2,
        rounds=1,
    )
    bench = CtrWorkbench(None, spec, settings, 0, 200)
    middle = (HiddenLayer("relu", units=18),) * 2
    interactions = (("ad", "hour", "user"), ("ad", "user"))
    limit = bench.build(
        dataclasses.replace(bench.frame, mlp=middle, interactions=interactions)
    ).count_params()
    trained = []

    def train_final(bench, clock, name, *arguments, **options):
        model = original(bench, clock, name, *arguments, **options)
        trained.append((name, model.count_params()))
        if len(trained) == stop:
            raise KilledError
        return model

    original, stop = tuning.train_final, 0
    monkeypatch.setattr(tuning, "train_final", train_final)
    monkeypatch.setattr(ctr_search, "train_final", train_final)
    result = search(spec, tmp_path / "run", settings, steps=steps, max_params=limit).fit(*splits)
    # The hand-made network is that from which the prior of others is looked for.
    ours = {name: size for name, size in trained if "dnn" not in name}
    assert max(size for name, size in trained if "dnn" in name) > limit
    assert {"finetuning_0", "scratch_0"} < set(ours)
    assert {"prior_precision_amer_3", "prior_precision_amer_30"} < set(ours)
    assert max(ours.values()) <= limit
    assert "The predefined MLP left out" in " ".join(left_out(result.run))
    # Tried out on all rows, and taken as it is at the end.
    names = [name for name, _ in trained]
    assert [name for name in ours if names.count(name) == 2 and "_amer_" in name]
    # Killed when the first of what was found had been tried out.
    stop, found = names.index(next(name for name in names if "amer" in name)) + 1, result
    trained.clear()
    with pytest.raises(KilledError):
        search(spec, tmp_path / "again", settings, steps=steps, max_params=limit).fit(*splits)
    result = search(spec, tmp_path / "again", settings, steps=steps, max_params=limit).fit(*splits)
    assert result.run.trials() == found.run.trials()


def test_a_model_without_blocks_and_with_the_smallest_mlp(spec, table, tmp_path, monkeypatch):
    """Where no block fits, and the MLP that is searched fits where the predefined one does not."""
    layers = ("conv_1", "conv_3")
    monkeypatch.setattr(ctr_behavior_search, "layer_candidates", lambda spec: layers)
    splits = (table[:200], table[200:])
    settings = SETTINGS.replace(behavior_units=(12, 12))
    with pytest.raises(RunError, match="has ([0-9,]+) parameters, the limit is 10") as error:
        search(spec, tmp_path / "run", settings, max_params=10)
    smallest = int(re.findall("has ([0-9,]+) parameters", str(error.value))[0].replace(",", ""))
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match=f"the limit is {smallest - 1:,}"):
        search(spec, tmp_path / "run", settings, max_params=smallest - 1)
    result = search(spec, tmp_path / "run", settings, max_params=smallest).fit(*splits)
    assert result.model.count_params() == smallest
    assert result.architecture.blocks == result.architecture.interactions == ()
    over = [trial for trial in result.run.trials() if trial["kind"] == RESCORED]
    assert over
    assert min(trial["parameters"] for trial in over) > smallest
    models = [trial for trial in result.run.trials() if trial["kind"] in MODEL_KINDS]
    assert {trial["parameters"] for trial in models} == {smallest}
    assert result.config["max_params"] == smallest
    with pytest.raises(RunError, match="another max_params"):
        search(spec, tmp_path / "run", settings, max_params=smallest + 1)


def test_a_limit_below_everything_is_an_error_before_anything_is_trained(spec, table, tmp_path):
    with pytest.raises(RunError, match=r"within the limits.*Received: max_params=10"):
        search(spec, tmp_path / "run", max_params=10)
    assert not (tmp_path / "run").exists()


def result_size(result, trial) -> int:
    return size_of(result, Architecture.from_dict(trial["architecture"]))


def size_of(result, architecture) -> int:
    model = amer.build(result.spec, architecture, embedding_dim=SETTINGS.embedding_dim)
    return model.count_params()
