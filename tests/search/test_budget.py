from __future__ import annotations

import pytest

from amer_tf.search.behavior_search import PHASE_SHARES
from amer_tf.search.budget import Budget, parse_duration
from tests.search.fake_clock import FakeClock

SHARES = {"first": 0.5, "second": 0.3, "third": 0.2}


@pytest.fixture
def clock(monkeypatch):
    return FakeClock(monkeypatch)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("20m", 1200.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h2m3s", 3723.0),
        ("0.5s", 0.5),
        ("45", 45.0),
        ("2.5", 2.5),
        (45, 45.0),
        (0.25, 0.25),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "m", "20 m", "20min", "1d", "h1", "-5", "-5m", "0", "0s", "nan", "inf"),
        *(0, -1.0, float("nan"), float("inf"), None, True),
    ],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"positive number of seconds.*Received: "):
        parse_duration(text)


def test_without_a_limit_there_is_no_share(clock):
    budget = Budget(None, SHARES)
    clock.advance(7.0)
    assert budget.used == 7.0
    assert budget.left is None
    assert budget.share("first") is None


def test_shares_are_dealt_out_in_order(clock):
    budget = Budget(100.0, SHARES)
    assert budget.share("first") == pytest.approx(50.0)
    clock.advance(50.0)
    assert budget.share("second") == pytest.approx(30.0)
    clock.advance(30.0)
    assert budget.share("third") == pytest.approx(20.0)
    clock.advance(20.0)
    assert budget.left == 0.0


def test_time_left_over_is_shared_by_all_later_phases(clock):
    budget = Budget(100.0, SHARES)
    clock.advance(10.0)
    assert budget.share("second") == pytest.approx(54.0)  # 30 to the third's 20
    clock.advance(14.0)
    assert budget.share("third") == pytest.approx(76.0)


def test_time_overdrawn_is_taken_from_later_phases(clock):
    budget = Budget(100.0, SHARES)
    clock.advance(80.0)
    assert budget.share("second") == pytest.approx(12.0)
    clock.advance(1000.0)
    assert budget.left == 0.0
    assert budget.share("third") == 0.0


def test_time_of_earlier_attempts_counts(clock):
    budget = Budget(100.0, SHARES, used=60.0)
    assert (budget.used, budget.left) == (60.0, 40.0)
    clock.advance(5.0)
    assert (budget.used, budget.left) == (65.0, 35.0)
    assert budget.share("third") == pytest.approx(35.0)


def test_the_shares_of_the_phases_are_the_whole():
    assert sum(PHASE_SHARES.values()) == pytest.approx(1.0)
    assert min(PHASE_SHARES.values()) > 0.0
