from __future__ import annotations

import dataclasses
import pathlib

import keras
import pytest

from amer_tf.features import FeatureSpec
from amer_tf.search import ctr_references
from amer_tf.search.ctr_settings import REFERENCES, CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.state import RunFolder
from tests.models.ctr_contract import HYBRID, ONE_FIELD, SPEC, batch

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
    assert set(REFERENCES) - set(kept) == {*FROM_TARGET, "fm", "afm", "nfm", "ipnn", "fibinet"}
    for name in set(kept) - {"lightgbm"}:
        assert build(name, ONE_FIELD, tmp_path).output.shape == (None,)


@pytest.mark.parametrize("name", [name for name in REFERENCES if name != "lightgbm"])
def test_each_is_built_from_the_settings(name: str, tmp_path):
    logits = build(name, HYBRID, tmp_path)(batch(HYBRID))
    assert tuple(logits.shape) == (5,)
