"""Latencies of the systems of a run, measured at its end."""

from __future__ import annotations

import keras
import pytest

from amer_tf import AmerSearch
from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.export import latency
from amer_tf.export.errors import ExportError
from amer_tf.models import amer
from amer_tf.search import latencies
from amer_tf.search.budget import Budget
from amer_tf.search.latencies import measure_systems
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from tests.search import small_run
from tests.search.small_run import SETTINGS
from tests.search.test_admission import SPEC

ARCHITECTURE = Architecture(mlp=(HiddenLayer("relu", units=3),))


class Measured:
    """A run with two hand-made systems whose latencies are made up."""

    def __init__(self, folder, monkeypatch):
        self.run = RunFolder(folder)
        self.run.append_trials([{"kind": "reference", "name": name} for name in ("dnn", "trees")])
        self.loaded, self.asked = [], []
        monkeypatch.setattr(latencies, "export_latency", self.latency)

    def load(self, name):
        self.loaded.append(name)
        return None if name == "trees" else amer.build(SPEC, ARCHITECTURE, embedding_dim=4)

    def latency(self, model, spec, what):
        assert isinstance(model, keras.Model)
        self.asked.append(what)
        if what == "dnn" and self.asked.count(what) == 1:
            raise ExportError("It has no serving signature.")
        return {"1": 0.5, "256": 2.0}

    def measure(self):
        trials, clock = TrialLog(self.run), PhaseClock(self.run, Budget(None, {}))
        measure_systems(clock, trials, SPEC, ARCHITECTURE, self.load)
        return [trial for trial in self.run.trials() if trial["kind"] == "measured"]


def test_each_network_is_measured_once(tmp_path, monkeypatch, caplog):
    one = Measured(tmp_path, monkeypatch)
    found, dnn = one.measure()
    size = one.load("dnn").count_params()
    assert found == {
        "kind": "measured",
        "name": "amer",
        "parameters": size,
        "latency_ms": {"1": 0.5, "256": 2.0},
        "architecture": ARCHITECTURE.to_dict(),
    }
    assert dnn == {"kind": "measured", "name": "dnn", "parameters": size, "latency_ms": None}
    assert "The latency of dnn cannot be measured. It has no serving" in caplog.text
    assert one.asked == [ARCHITECTURE, "dnn"]
    assert one.measure() == [found, dnn]
    assert one.run.phases()["latencies"]["intervals"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_networks_of_task_next_item(data, tmp_path, monkeypatch):
    monkeypatch.setattr(latency, "_SECONDS", 0.0)
    settings = SETTINGS.replace(references=("popularity", "transformer"))
    search = AmerSearch(
        data.spec, tmp_path, settings=settings, seed=small_run.SEED, max_latency_ms=1e4
    )
    result = search.fit(data.train, data.validation)
    board = result.leaderboard(architectures=True).set_index("system")
    assert (board.loc["transformer"][["ms_1", "ms_256"]] > 0.0).all()
    assert board.loc["popularity"][["ms_1", "ms_256"]].isna().all()
    own = board[board["architecture"] == str(result.architecture)]
    assert own["ms_1"].notna().all()
    assert own["ms_1"].nunique() == 1
