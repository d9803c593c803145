from __future__ import annotations

import dataclasses
import types

import pytest

from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search import ctr_program, ctr_references
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_settings import REFERENCES, CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.binary_metrics import MetricError
from tests.models.test_ctr import HYBRID, SPEC, batch

FROM_TARGET = ("din", "dien", "dsin")


def test_some_need_a_target_that_is_mapped_to_a_behaviour():
    assert ctr_references.fitting(REFERENCES, HYBRID) == REFERENCES
    without = tuple(name for name in REFERENCES if name not in FROM_TARGET)
    for spec in (SPEC, dataclasses.replace(HYBRID, target_to_behavior={})):
        assert ctr_references.fitting(REFERENCES, spec) == without
    assert "attend" in (ctr_references.why_left_out("dien", SPEC) or "")


def test_some_need_a_pair_of_fields():
    user, _, price, *_ = SPEC.fields
    spec = dataclasses.replace(SPEC, fields=(user, price), vocabularies=SPEC.vocabularies[:1])
    left_out = set(REFERENCES) - set(ctr_references.fitting(REFERENCES, spec))
    assert left_out == {*FROM_TARGET, "fm", "afm", "nfm", "ipnn", "fibinet", "autofis"}

    assert ctr_references.why_left_out("autocross", spec) is None
    spec = dataclasses.replace(SPEC, fields=(user,), vocabularies=SPEC.vocabularies[:1])
    assert "to cross" in (ctr_references.why_left_out("autocross", spec) or "")


@pytest.mark.parametrize("name", [name for name in REFERENCES if name != "lightgbm"])
def test_each_is_built_from_the_settings(name: str, tmp_path):
    settings = CtrSettings(embedding_dim=4, hidden_units=(6, 5), dropout=0.1, l2=1e-4)
    bench = CtrWorkbench(RunFolder(tmp_path), HYBRID, settings, seed=0, num_examples=10)
    inputs = batch(HYBRID)
    logits = ctr_references.build(bench, name)(inputs)
    assert tuple(logits.shape) == (len(next(iter(inputs.values()))),)


def test_trees_have_their_part_of_the_time(tmp_path, monkeypatch):
    limits = []

    def fit(model, train, validation, time_limit=None):
        limits.append(time_limit)
        raise MetricError("enough")

    monkeypatch.setattr(BoostedTrees, "fit", fit)
    for limit in (None, 60.0):
        run = RunFolder(tmp_path / str(limit))
        run.claim({})
        program = ctr_program.CtrProgram(run, SPEC, CtrSettings(), 0)
        clock = PhaseClock(run, Budget(limit, {"references": 1.0}))
        search = types.SimpleNamespace(
            clock=clock, trials=TrialLog(run), train=None, validation=None
        )
        program._score_reference("lightgbm", search, 3)
    assert limits == [None, pytest.approx(20.0, abs=1.0)]
