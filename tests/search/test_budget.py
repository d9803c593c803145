from __future__ import annotations

import pytest

from amer_tf.search.behavior_search import PHASE_SHARES
from amer_tf.search.budget import Budget, parse_duration, without
from amer_tf.search.ctr_search import phase_shares
from amer_tf.search.next_item_program import NextItemProgram
from tests.search import small_run
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


# Phases that a run does not have ------------------------------------------------------------------


def dealt(shares, limit, clock):
    """Seconds of each phase where each takes exactly what it may."""
    budget, seconds = Budget(limit, shares), {}
    for phase in shares:
        seconds[phase] = budget.share(phase)
        clock.advance(seconds[phase])
    assert budget.left == pytest.approx(0.0, abs=1e-6)
    return seconds


def test_absent_phases_leave_their_time_to_all_others(clock):
    # Of 5 : 2 parts.
    assert dealt(without(SHARES, {"second", "fourth"}), 70.0, clock) == pytest.approx(
        {"first": 50.0, "third": 20.0}
    )


@pytest.mark.parametrize(
    ("steps", "limit", "expected"),
    [
        (("interaction", "mlp"), 78.0, {"prior": 5, "interaction": 28, "scratch": 17}),
        (("mlp",), 45.0, {"prior": 5, "mlp": 10, "mlp_scoring": 3, "finetuning": 7, "scratch": 17}),
        (("interaction",), 55.0, {"prior": 5, "interaction": 28, "tuning": 5, "scratch": 17}),
        (("behavior",), 60.0, {"behavior": 20, "tuning": 4, "finetuning": 5, "scratch": 18}),
        (("behavior", "interaction", "mlp"), 85.0, {"behavior": 20, "mlp": 7, "scratch": 18}),
    ],
)
def test_a_search_of_rows_without_references(steps, limit, expected, clock):
    seconds = dealt(phase_shares(steps, has_references=False), limit, clock)
    assert {phase: seconds[phase] for phase in expected} == pytest.approx(expected)
    assert "references" not in seconds


@pytest.mark.parametrize("steps", [("interaction", "mlp"), ("behavior", "interaction", "mlp")])
def test_a_search_of_rows_with_references(steps, clock):
    seconds = dealt(phase_shares(steps, has_references=True), 100.0, clock)
    assert sum(seconds.values()) == pytest.approx(100.0)
    assert seconds["references"] == pytest.approx(15.0 if "behavior" in steps else 22.0)


@pytest.mark.parametrize(
    ("changes", "limit", "absent"),
    [
        ({}, 100.0, set()),
        ({"references": ()}, 84.0, {"references"}),
        ({"references": ("popularity", "ease")}, 84.0, {"references"}),
        ({"references": (), "finetune_epochs": 0}, 81.0, {"references", "finetuning"}),
        ({"references": (), "final_epochs": 0}, 82.0, {"references", "final"}),
    ],
)
def test_a_search_of_next_items(data, changes, limit, absent, clock):
    settings = small_run.SETTINGS.replace(**changes)
    seconds = dealt(NextItemProgram(None, data.spec, settings, 0).shares, limit, clock)
    hundredths = {phase: 100 * share for phase, share in PHASE_SHARES.items()}
    assert seconds == pytest.approx(without(hundredths, absent))


def test_a_reference_that_cannot_read_the_data_has_no_share(data):
    settings = small_run.SETTINGS.replace(references=("bpr", "narm", "stamp"))
    program = NextItemProgram(None, data.spec, settings, 0)
    assert "references" in program.shares
    assert (program._num_left("narm"), program._num_left("stamp")) == (2, 1)
    alone = NextItemProgram(None, data.spec, settings.replace(references=("bpr",)), 0)
    assert "references" not in alone.shares
