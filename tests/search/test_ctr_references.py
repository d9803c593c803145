from __future__ import annotations

import dataclasses
import pathlib
import types

import keras
import pytest

from amer_tf.features import FeatureSpec, NumericField
from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search import ctr_program, ctr_references
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_settings import REFERENCES, CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.reference_run import ReferenceRun
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.binary_metrics import MetricError
from tests.models.ctr_contract import HYBRID, NUMBERS, ONE_FIELD, SPEC, batch

FROM_TARGET = ("din", "dien", "dsin")


def test_some_need_a_target_that_is_mapped_to_a_behaviour():
    assert ctr_references.fitting(REFERENCES, HYBRID) == REFERENCES
    without = tuple(name for name in REFERENCES if name not in FROM_TARGET)
    for spec in (SPEC, dataclasses.replace(HYBRID, target_to_behavior={})):
        assert ctr_references.fitting(REFERENCES, spec) == without
    assert "attend" in (ctr_references.why_left_out("dien", SPEC) or "")


def build(name: str, spec: FeatureSpec, folder: pathlib.Path) -> keras.Model:
    settings = CtrSettings(embedding_dim=4, hidden_units=(6, 5), dropout=0.1, l2=1e-4)
    bench = CtrWorkbench(RunFolder(folder), spec, settings, seed=0, num_examples=10)
    return ctr_references.build(bench, name)


def test_some_need_a_pair_of_fields(tmp_path):
    kept = ctr_references.fitting(REFERENCES, ONE_FIELD)
    of_pairs = {"fm", "afm", "nfm", "ipnn", "fibinet", "autofis"}
    assert set(REFERENCES) - set(kept) == {*FROM_TARGET, *of_pairs}
    for name in set(kept) - {"lightgbm"}:
        assert build(name, ONE_FIELD, tmp_path).output.shape == (None,)


def test_some_need_no_category(tmp_path):
    spec = dataclasses.replace(NUMBERS, fields=(*NUMBERS.fields, NumericField("age")))
    kept = ctr_references.fitting(REFERENCES, spec)
    assert set(kept) == {"dnn", "dcn", "dcnv2", "autocross", "lightgbm"}
    for name in set(kept) - {"lightgbm"}:
        assert build(name, spec, tmp_path).output.shape == (None,)


def test_autocross_needs_two_fields():
    assert ctr_references.why_left_out("autocross", ONE_FIELD) is None
    spec = dataclasses.replace(ONE_FIELD, fields=ONE_FIELD.fields[:1])
    assert "to cross" in (ctr_references.why_left_out("autocross", spec) or "")


@pytest.mark.parametrize("name", [name for name in REFERENCES if name != "lightgbm"])
def test_each_is_built_from_the_settings(name: str, tmp_path):
    logits = build(name, HYBRID, tmp_path)(batch(HYBRID))
    assert tuple(logits.shape) == (5,)


def test_heads_that_do_not_divide_the_units_are_named_before_any_training(tmp_path):
    settings = CtrSettings(embedding_dim=5, hidden_units=(6, 5), references=("dien", "dsin"))
    message = "'dsin' cannot be built: .* a multiple of 4, .* Received: embedding_dim=5, units=15"
    # Of three fields, not four.
    spec = dataclasses.replace(HYBRID, fields=HYBRID.fields[:-1])
    with pytest.raises(ValueError, match=message):
        ctr_program.CtrProgram.check(spec, settings)
    with pytest.raises(ValueError, match=message):
        ReferenceRun(spec, tmp_path, "dsin", settings=settings)
    assert not list(tmp_path.iterdir())
    for other in (
        settings.replace(references=("dien",)),
        settings.replace(embedding_dim=8),  # 24 units
    ):
        ctr_program.CtrProgram.check(spec, other)
    # A system that is left out anyway asks for nothing.
    ctr_program.CtrProgram.check(SPEC, settings)


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
