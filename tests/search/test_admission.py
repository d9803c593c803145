from __future__ import annotations

import dataclasses

import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.export import latency
from amer_tf.features import Normalization, NumericField
from amer_tf.models import amer
from amer_tf.search import admission
from amer_tf.search.admission import Admission, Limits
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from tests.training.test_ctr import SPEC as UNFITTED

SPEC = dataclasses.replace(
    UNFITTED,
    fields=(*UNFITTED.fields[:2], NumericField("x", normalization=Normalization(-1.0, 1.0, 0.0))),
)
SIZES = (30, 20, 10, 25)
RANKED = [Architecture(mlp=(HiddenLayer("relu", units=units),)) for units in SIZES]


def build(architecture: Architecture):
    return amer.build(SPEC, architecture, embedding_dim=4)


def no_model(architecture: Architecture):
    raise AssertionError(architecture)


@pytest.fixture
def trials(tmp_path) -> TrialLog:
    run = RunFolder(tmp_path / "run")
    run.claim({})
    return TrialLog(run)


def parameters(units: int) -> int:
    # 16 rows of 4; 9 inputs and a bias of each unit; the units and a bias; slope and intercept.
    return 16 * 4 + 10 * units + units + 1 + 2


def test_without_limits_nothing_is_measured(trials):
    found = Admission(SPEC, trials, Limits()).first(RANKED, 2, no_model)
    assert found == RANKED[:2]
    assert trials.of("measured") == []


def test_parameters(trials):
    within = Admission(SPEC, trials, Limits(max_params=parameters(20)))
    assert within.first(RANKED, 2, build) == [RANKED[1], RANKED[2]]
    known = within.measured(RANKED[0])
    assert known is not None
    assert known["parameters"] == parameters(30) == build(RANKED[0]).count_params()
    assert known["latency_ms"] is None
    assert within.measured(RANKED[3]) is None
    # Each is measured once.
    assert within.first(RANKED[:3], 3, no_model) == RANKED[1:3]
    assert len(trials.of("measured")) == 3


def test_latency_of_the_exported_model(trials, monkeypatch):
    monkeypatch.setattr(latency, "_SECONDS", 0.0)
    within = Admission(SPEC, trials, Limits(max_latency_ms=1e4))
    assert within.first(RANKED, 1, build) == RANKED[:1]
    known = within.measured(RANKED[0])
    assert known is not None
    assert 0 < known["latency_ms"]["1"] < 1e4
    assert 0 < known["latency_ms"]["256"] < 1e4


@pytest.fixture
def unexported(monkeypatch):
    """For tests that make times up."""
    monkeypatch.setattr("amer_tf.export.export", lambda *arguments, **options: None)


@pytest.mark.usefixtures("unexported")
def test_a_call_of_either_size_counts(trials, monkeypatch):
    times = iter([{1: 1.0, 256: 9.0}, {1: 9.0, 256: 1.0}, {1: 2.0, 256: 4.0}])
    monkeypatch.setattr(latency, "measure_latency", lambda folder: next(times))
    within = Admission(SPEC, trials, Limits(max_latency_ms=4.0))
    assert within.first(RANKED, 1, build) == [RANKED[2]]


def test_none_within_the_limits(trials, monkeypatch):
    monkeypatch.setattr(admission, "_MOST_EXPORTS", 3)
    message = (
        rf"None of the best 4 architectures.*the smallest has {parameters(10)} parameters. "
        "Raise the limit.*Received: max_params=5, max_latency_ms=None"
    )
    with pytest.raises(RunError, match=message):
        Admission(SPEC, trials, Limits(max_params=5)).first(RANKED, 1, build)


@pytest.mark.usefixtures("unexported")
def test_latency_is_measured_of_the_best_alone(trials, monkeypatch):
    monkeypatch.setattr(admission, "_MOST_EXPORTS", 3)
    monkeypatch.setattr(latency, "measure_latency", lambda folder: {1: 9.0, 256: 9.0})
    with pytest.raises(RunError, match="None of the best 3 architectures"):
        Admission(SPEC, trials, Limits(max_latency_ms=4.0)).first(RANKED, 1, build)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_params": 0}, "whole number of at least 1. Received: max_params=0"),
        ({"max_params": 1.5}, "Received: max_params=1.5"),
        ({"max_latency_ms": 0}, "must be a positive number. Received: max_latency_ms=0"),
        ({"max_latency_ms": float("nan")}, "Received: max_latency_ms=nan"),
        ({"max_latency_ms": "fast"}, "Received: max_latency_ms='fast'"),
    ],
)
def test_wrong_limits(limits, message):
    with pytest.raises(ValueError, match=message):
        Limits(**limits)
