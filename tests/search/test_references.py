"""Hand-made systems of task next_item, trained as a search trains them."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import references
from amer_tf.search.next_item_program import METRIC
from amer_tf.search.settings import PRESETS, REFERENCES, Settings
from amer_tf.search.state import RunFolder
from amer_tf.search.workbench import Workbench
from tests.search import small_run

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]
NAMES = [name for name in references.NETWORKS if name != "bpr"]


@pytest.fixture(scope="module")
def data_with_ids(tmp_path_factory):
    """A tiny prepared data set with the user's id as a field."""
    return small_run.prepare(tmp_path_factory.mktemp("with_ids"), user_id_field=True)


def bench_of(data, tmp_path, **changes) -> Workbench:
    settings: Settings = small_run.SETTINGS.replace(**changes)
    return Workbench(RunFolder(tmp_path), data.spec, settings, seed=0, metric=METRIC)


def test_all_names_are_known():
    assert set(REFERENCES) == {*references.CLOSED_FORMS, *references.NETWORKS}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_trained_and_scored(name: str, data, tmp_path):
    bench = bench_of(data, tmp_path)
    model = references.train_network(bench, name, data.train, epochs=1, time_limit=None)
    metrics = bench.score(model, data.validation)
    assert 0.0 <= metrics[METRIC] <= 1.0
    assert np.all([np.isfinite(value).all() for value in model.get_weights()])


@pytest.mark.parametrize("name", ["gru4rec", "nextitnet", "transformer"])
def test_causal_ones_learn_at_every_position(name: str, data, tmp_path):
    bench = bench_of(data, tmp_path, causal_training="every_position")
    model = references.train_network(bench, name, data.train, epochs=1, time_limit=None)
    assert bench.score(model, data.validation)["count"] > 0


@pytest.mark.parametrize("name", ["bpr", "caser"])
def test_users_are_known_by_their_ids(name: str, data_with_ids, tmp_path):
    bench = bench_of(data_with_ids, tmp_path)
    assert references.why_left_out(name, bench.spec) is None
    model = references.train_network(bench, name, data_with_ids.train, epochs=1, time_limit=None)
    network = NextItemNetwork(model, bench.spec)
    [(inputs, _)] = data_with_ids.validation.batches(50, candidates=None)
    others = {**inputs, "user_id": keras.ops.roll(inputs["user_id"], 1)}
    assert not np.allclose(network.query(inputs), network.query(others))
    assert bench.score(model, data_with_ids.validation)["count"] > 0


def test_bert4rec_can_fill_in_hidden_events(data, tmp_path):
    bench = bench_of(data, tmp_path)
    options = {"training": "cloze", "mask_rate": 0.3}
    model = references.train_network(
        bench, "bert4rec", data.train, epochs=1, time_limit=None, options=options
    )
    assert model.get_layer("amer.cloze").rate == 0.3
    assert bench.score(model, data.validation)["count"] > 0
    model = references.train_network(
        bench_of(data, tmp_path / "default"),
        "bert4rec",
        data.train,
        epochs=1,
        time_limit=None,
        options={"training": "cloze"},
    )
    assert model.get_layer("amer.cloze").rate == 0.6


@pytest.mark.parametrize("preset", PRESETS)
def test_negatives_of_their_own_whatever_the_preset(preset: str, data, tmp_path, monkeypatch):
    """GRU4Rec+ shares 2,048 in a step, BPR has five for each event."""
    asked = {}

    def train(bench, name, build, split, **options):
        asked[name] = bench.data_options("cut", options["loss"], options["num_negatives"])
        trainer = bench.trainer(
            NextItemNetwork(build(), bench.spec),
            0.1,
            loss=options["loss"],
            num_negatives=options["num_negatives"],
        )
        asked[name]["shared"] = trainer.num_negatives

    monkeypatch.setattr(Workbench, "train", train)
    bench = Workbench(RunFolder(tmp_path), data.spec, PRESETS[preset], seed=0, metric=METRIC)
    bench = dataclasses.replace(bench, settings=bench.settings.replace(embedding_dim=8))
    for name in ("gru4rec", "narm"):
        references.train_network(bench, name, data.train, epochs=1, time_limit=None)
    assert asked["gru4rec"] == {
        "num_positives": 5,
        "num_negatives": 1,
        "ask": "cut",
        "shared": 2048,
    }
    assert asked["narm"]["shared"] == bench.settings.num_negatives
    recipe = references.NETWORKS["bpr"]
    assert (recipe.loss, recipe.num_negatives) == ("bpr", 5)
    monkeypatch.setitem(references.NETWORKS, "bpr", recipe._replace(build=references.narm.build))
    references.train_network(bench, "bpr", data.train, epochs=1, time_limit=None)
    assert asked["bpr"]["num_negatives"] == 5
    options = {"num_negatives": 3}
    references.train_network(bench, "bpr", data.train, epochs=1, time_limit=None, options=options)
    assert asked["bpr"]["num_negatives"] == 3


def test_each_learns_in_its_own_way_unless_it_is_told_another(data, tmp_path, monkeypatch):
    trainings = {}

    def train(bench, name, *arguments, training, **options):
        trainings[name] = training

    monkeypatch.setattr(Workbench, "train", train)
    bench = bench_of(data, tmp_path, causal_training="every_position")
    for name in references.NETWORKS:
        references.train_network(bench, name, data.train, epochs=1, time_limit=None)
    assert trainings == {
        **dict.fromkeys(references.NETWORKS, "cut"),
        **dict.fromkeys(["gru4rec", "nextitnet", "transformer"], "every_position"),
        "bpr": "each_event",
    }
    options = {"training": "cut"}
    references.train_network(bench, "bpr", data.train, epochs=1, time_limit=None, options=options)
    assert trainings["bpr"] == "cut"


def test_bpr_needs_the_id_of_the_user(data):
    assert "profile field" in (references.why_left_out("bpr", data.spec) or "")
    assert references.why_left_out("narm", data.spec) is None
