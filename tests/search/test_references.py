"""Hand-made systems of task next_item, trained as a search trains them."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.search import references
from amer_tf.search.next_item_program import METRIC
from amer_tf.search.settings import REFERENCES, Settings
from amer_tf.search.state import RunFolder
from amer_tf.search.workbench import Workbench
from tests.search import small_run

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]
NAMES = [name for name in references.NETWORKS if name != "bpr"]


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
    bench = bench_of(data, tmp_path, transformer_training="every_position")
    model = references.train_network(bench, name, data.train, epochs=1, time_limit=None)
    assert bench.score(model, data.validation)["count"] > 0


def test_bpr_needs_the_id_of_the_user(data):
    assert "profile field" in (references.why_left_out("bpr", data.spec) or "")
    assert references.why_left_out("narm", data.spec) is None
