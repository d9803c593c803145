from __future__ import annotations

import dataclasses
import logging

import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.export import latency
from amer_tf.features import Normalization, NumericField
from amer_tf.models import amer
from amer_tf.search import admission
from amer_tf.search.admission import NO_LIMITS, Admission, Limits, claim, left_out
from amer_tf.search.budget import Budget
from amer_tf.search.phase_clock import PhaseClock
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
def make(tmp_path):
    """Makes the admission of one run."""
    run = RunFolder(tmp_path / "run")
    run.claim({})

    def make(build=build, **limits) -> Admission:
        clock = PhaseClock(run, Budget(None, {}))
        return Admission(SPEC, TrialLog(run), Limits(**limits), build, clock)

    make.run = run
    return make


def measured(make) -> list[dict[str, float] | None]:
    return [trial["latency_ms"] for trial in TrialLog(make.run).of("measured")]


def parameters(units: int) -> int:
    # 16 rows of 4; 9 inputs and a bias of each unit; the units and a bias; slope and intercept.
    return 16 * 4 + 10 * units + units + 1 + 2


def test_without_limits_nothing_is_measured(make):
    free = make(no_model)
    free.require(RANKED[0])
    assert free.within(RANKED, 2) == RANKED[:2]
    assert free.admits(RANKED[0])
    free.note_ranking("mlp", "MLPs", RANKED, RANKED[:1])
    assert measured(make) == left_out(make.run) == []


def test_parameters(make):
    within = make(max_params=parameters(20))
    assert within.within(RANKED, 2) == [RANKED[1], RANKED[2]]
    assert within.within(RANKED[:1], 2) == []
    assert within.size.parameters(RANKED[0]) == parameters(30) == build(RANKED[0]).count_params()
    assert list(map(within.admits, RANKED)) == [False, True, True, False]
    assert within.why_over(RANKED[0]) == "has 397 parameters, the limit is 287"
    assert within.why_over(RANKED[1]) is None
    # Nothing is exported.
    assert measured(make) == []


def test_latency_of_the_exported_model(make, monkeypatch):
    monkeypatch.setattr(latency, "_SECONDS", 0.0)
    within = make(max_latency_ms=1e4)
    assert not within.admits(RANKED[0])
    assert within.within(RANKED, 1) == RANKED[:1]
    assert within.admits(RANKED[0])
    [known] = measured(make)
    assert known == within.latency_of(RANKED[0])
    assert 0 < known["1"] < 1e4
    assert 0 < known["256"] < 1e4
    assert within.latency_of(RANKED[1]) is None
    # Each is measured once, in an attempt that was killed too.
    assert make(no_model, max_latency_ms=1e4).within(RANKED, 1) == RANKED[:1]
    # The time is a phase's of its own.
    [[start, end]] = make.run.phases()["latencies"]["intervals"]
    assert 0 <= start < end <= make.run.phases()["latencies"]["used"]


@pytest.fixture
def times(monkeypatch):
    """Milliseconds that are made up, one after another, for one row and for 256."""

    def times(*given):
        each = iter(given)
        monkeypatch.setattr(
            admission,
            "export_latency",
            lambda *arguments: dict(zip(("1", "256"), next(each), strict=True)),
        )

    return times


def test_a_call_of_either_size_counts(make, times):
    times((1.0, 9.0), (9.0, 1.0), (2.0, 4.0))
    within = make(max_latency_ms=4.0)
    assert within.within(RANKED, 1) == [RANKED[2]]
    assert within.why_over(RANKED[0]) == "takes 9.00 ms for 256 rows, the limit is 4 ms"
    assert within.why_over(RANKED[1]) == "takes 9.00 ms for 1 row, the limit is 4 ms"


def test_the_cap_counts_exports_and_no_candidates(make, times, monkeypatch):
    monkeypatch.setattr(admission, "_MOST_EXPORTS", 2)
    times((1.0, 1.0))
    within = make(max_params=parameters(10), max_latency_ms=4.0)
    assert within.within([RANKED[0]] * 5 + [RANKED[2]], 1) == [RANKED[2]]
    times((9.0, 9.0), (9.0, 9.0))
    assert make(max_latency_ms=4.0).within([RANKED[0], RANKED[1], RANKED[2]], 1) == []
    assert len(measured(make)) == 3


def test_the_smallest_must_be_within_the_limits(make, times):
    make(max_params=parameters(10)).require(RANKED[2])
    message = (
        "No model of this search is within the limits: the smallest that there can be has 177 "
        "parameters, the limit is 176. Raise `max_params`.*Received: max_params=176, "
        "max_latency_ms=None"
    )
    with pytest.raises(RunError, match=message):
        make(max_params=176).require(RANKED[2])
    with pytest.raises(RunError, match=message):
        make(max_params=176).require_size(RANKED[2])
    make(max_params=177).require_size(RANKED[2])
    # No latency is measured for that.
    make(no_model, max_latency_ms=1.0).require_size(RANKED[2])
    times((1.0, 9.0))
    with pytest.raises(RunError, match="takes 9.00 ms for 256 rows.*Raise `max_latency_ms`"):
        make(max_latency_ms=8.0).require(RANKED[2])
    make(no_model, max_latency_ms=9.0).require(RANKED[2])


def test_what_is_left_out_is_told_once(make, caplog):
    within = make(max_params=parameters(20))
    text = (
        "2 of the best 4 MLPs left out: beside 3 interactions the smallest of them has 342 "
        "parameters, the limit is 287."
    )
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            within.note_ranking("mlp", "MLPs", RANKED, [], "beside 3 interactions ")
    assert left_out(make.run) == [text]
    assert caplog.messages == [text]
    within.note_ranking("blocks", "blocks", RANKED[1:], [RANKED[2]])
    assert left_out(make.run) == [text]


def claimed(folder, config, **limits) -> dict[str, object] | None:
    run = RunFolder(folder)
    claim(run, config, Limits(**limits))
    return run.read_json("config.json")


def test_limits_may_change_until_something_was_chosen(make, tmp_path):
    folder, config = make.run.path, {"seed": 1}
    (folder / "config.json").unlink()
    changes = ({"max_params": 5}, {"max_params": 7, "max_latency_ms": 2.0}, {}, {"max_params": 6})
    for limits in changes:
        assert claimed(folder, config, **limits) == {**config, **limits}
    with pytest.raises(RunError, match="another seed: 1"):
        claimed(folder, {"seed": 2}, max_params=9)
    assert claimed(folder, config, max_params=6) == {**config, "max_params": 6}
    with (
        RunFolder(folder).at_work(),
        pytest.raises(RunError, match="Another search is at work"),
    ):
        claimed(folder, config, max_params=7)
    make().within(RANKED, 1)
    with pytest.raises(RunError, match="another max_params: 6.*Received: max_params=7"):
        claimed(folder, config, max_params=7)


@pytest.mark.parametrize("trace", ["metrics", "model"])
def test_limits_of_a_run_with_a_model_do_not_change(make, trace):
    if trace == "metrics":
        make.run.write_json("metrics.json", {})
    else:
        make.run.append_trials([{"kind": "inherited"}])
    for limits in ({}, {"max_params": 5}):
        (make.run.path / "config.json").write_text("{}")
        claim(make.run, {}, NO_LIMITS)
        if limits:
            with pytest.raises(RunError, match="another max_params: null"):
                claim(make.run, {}, Limits(**limits))


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
