"""What a search of task ctr turns to where what it found is over a limit."""

from __future__ import annotations

import dataclasses
import types

import pytest

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.search import ctr_search
from amer_tf.search.admission import NO_LIMITS, Limits
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_search import CtrSearch
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from tests.models.ctr_contract import HYBRID

LARGE, SMALL = ((Block("layer_norm", layer, "relu"),) for layer in ("conv_3", "max_pool_3"))
PREDEFINED = Architecture(
    interactions=(("ad", "user"), ("ad", "hour"), ("hour", "user")),
    mlp=(HiddenLayer("relu", units=20),),
)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A search within limits that trains nothing."""

    def make(limits: Limits = NO_LIMITS, steps=("behavior", "interaction")) -> CtrSearch:
        run = RunFolder(tmp_path / str(limits.max_params))
        run.claim({})
        bench = CtrWorkbench(run, HYBRID, CtrSettings(embedding_dim=4), 0, 100, limits=limits)
        search = CtrSearch(bench, Budget(None, {}), None, None, steps)
        for name in ("_train", "_record", "_score_again"):
            monkeypatch.setattr(search, name, lambda *arguments: None)
        return search

    return make


def changed(number=3, blocks=(), mlp=PREDEFINED.mlp) -> Architecture:
    interactions = PREDEFINED.interactions[:number]
    return dataclasses.replace(PREDEFINED, interactions=interactions, blocks=blocks, mlp=mlp)


def limit(search: CtrSearch, architecture: Architecture) -> Limits:
    """What just lets an architecture through."""
    return Limits(search.bench.build(architecture).count_params())


def within_limits(search: CtrSearch) -> Architecture:
    return search._within_limits(PREDEFINED, [LARGE, SMALL])


def found(search: CtrSearch) -> Architecture:
    behavior = types.SimpleNamespace(forget=lambda: None)
    return search._use_inherited(within_limits(search), behavior, [LARGE, SMALL])


WHOLE = [
    changed(3, LARGE),
    changed(3, SMALL),
    changed(2, SMALL),
    changed(0, SMALL),
    changed(0),
]


def test_nothing_is_measured_without_limits(make):
    free = make()
    assert found(free) == changed(3, LARGE)
    assert free.trials.of("measured") == []


@pytest.mark.parametrize("expected", WHOLE)
def test_what_is_smaller_comes_next(make, expected):
    """The most interactions with which some blocks fit, and the best of those blocks."""
    assert found(make(limit(make(), expected))) == expected


def test_none_within_the_limits(make):
    with pytest.raises(RunError, match="None of the best 12 .*Received: max_params=1,"):
        found(make(Limits(1)))


def test_the_mlp_is_searched_where_the_predefined_one_is_too_large(make, monkeypatch):
    mlps = [(HiddenLayer("relu", units=units),) for units in (40, 30, 12, 10)]

    class Searched:
        def __init__(self, *arguments, start):
            self.predefined = arguments[-1]

        def search(self):
            return mlps

        def architecture_of(self, mlp):
            return dataclasses.replace(self.predefined, mlp=mlp)

        def is_own(self, architecture):
            return architecture == self.architecture_of(architecture.mlp)

        def forget(self):
            pass

    monkeypatch.setattr(ctr_search, "MlpSearch", Searched)
    steps = ("behavior", "interaction", "mlp")
    free = make(steps=steps)
    assert found(free) == changed(3, LARGE, mlps[0])
    for expected in (
        changed(3, LARGE, mlps[1]),
        changed(0, LARGE, mlps[3]),
        changed(0, SMALL, mlps[2]),
        changed(0, (), mlps[3]),
    ):
        assert found(make(limit(free, expected), steps)) == expected
    with pytest.raises(RunError, match="None of the best 4 .*Received: max_params=1,"):
        found(make(Limits(1), steps))
