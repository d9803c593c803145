from __future__ import annotations

import pytest

from amer_tf.search.budget import Budget
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.state import RunFolder
from tests.search.fake_clock import FakeClock

SHARES = {"first": 0.5, "second": 0.5}


@pytest.fixture
def clock(monkeypatch):
    return FakeClock(monkeypatch)


def make(folder, limit=100.0, used=0.0):
    return PhaseClock(RunFolder(folder), Budget(limit, SHARES, used))


def test_without_a_limit_nothing_ends_and_nothing_is_recorded(clock, tmp_path):
    phases = make(tmp_path, limit=None)
    clock.advance(1e9)
    assert phases.deadline("first") is None
    assert phases.training_limit("first_0", "first") is None
    assert not phases.is_over("first")
    assert not phases.too_late("first_0", "first")
    assert phases.run.phases() == {}


def test_a_deadline_is_decided_once(clock, tmp_path):
    phases = make(tmp_path)
    clock.advance(10.0)
    assert phases.deadline("first") == pytest.approx(55.0)
    clock.advance(44.0)
    assert phases.deadline("first") == pytest.approx(55.0)
    assert not phases.is_over("first")
    clock.advance(1.0)
    assert phases.is_over("first")
    assert phases.deadline("second") == pytest.approx(100.0)
    assert phases.now() == {"used": 55.0}


def test_another_attempt_keeps_the_deadline(clock, tmp_path):
    make(tmp_path).deadline("first")
    phases = make(tmp_path, used=30.0)
    clock.advance(15.0)
    assert phases.deadline("first") == pytest.approx(50.0)
    assert not phases.is_over("first")
    clock.advance(5.0)
    assert phases.is_over("first")


def test_trainings_share_what_is_left_of_the_phase(clock, tmp_path):
    phases = make(tmp_path)
    assert phases.training_limit("first_0", "first", parts=2) == pytest.approx(25.0)
    clock.advance(10.0)  # it ended early: the next one gets what it left
    assert phases.training_limit("first_1", "first", parts=1) == pytest.approx(40.0)
    assert make(tmp_path).training_limit("first_0", "first", parts=2) == pytest.approx(25.0)


def test_a_training_that_has_begun_is_not_too_late(clock, tmp_path):
    phases = make(tmp_path)
    phases.training_limit("first_0", "first", parts=2)
    clock.advance(60.0)
    assert not phases.too_late("first_0", "first")
    assert phases.too_late("first_1", "first")
    assert phases.training_limit("first_0", "first") == pytest.approx(25.0)


def test_a_late_training_still_gets_a_moment(clock, tmp_path):
    phases = make(tmp_path)
    clock.advance(500.0)
    assert phases.training_limit("second", "second") == pytest.approx(0.1)


def test_each_part_reserves_what_it_takes_beside_the_training(clock, tmp_path):
    phases = make(tmp_path)
    assert phases.training_limit("first_0", "first", parts=2, reserve=5.0) == pytest.approx(20.0)
    assert phases.training_limit("first_1", "first", parts=2, reserve=90.0) == pytest.approx(0.1)


def test_the_time_is_kept_every_few_seconds(clock, tmp_path):
    phases = make(tmp_path, used=3.0)
    clock.advance(9.0)
    phases.keep("first")
    assert phases.run.phases() == {}
    clock.advance(2.0)
    phases.keep("first")
    clock.advance(9.0)
    phases.keep("first")
    assert phases.run.phases() == {"first": {"used": 14.0}}
    assert phases.left("first") == pytest.approx(38.5)  # half of the 77 that were left


def test_without_a_limit_time_is_endless(clock, tmp_path):
    assert make(tmp_path, limit=None).left("first") == float("inf")


def test_time_in_the_middle_of_phases_is_recorded_apart(clock, tmp_path):
    phases = make(tmp_path, used=3.0)
    for seconds in (2.0, 4.0):
        with phases.apart("own"):
            clock.advance(seconds)
    clock.advance(1.0)
    with phases.apart("own"):
        clock.advance(5.0)
    record = phases.run.phases()["own"]
    assert record["intervals"] == [pytest.approx([3.0, 9.0]), pytest.approx([10.0, 15.0])]
    assert record["used"] == pytest.approx(15.0)
