from __future__ import annotations

import types

import pytest

from amer_tf.training.schedule import PhaseEnd
from tests.search.fake_clock import FakeClock


@pytest.fixture
def clock(monkeypatch):
    return FakeClock(monkeypatch)


def attached(*args, **kwargs):
    end = PhaseEnd(*args, **kwargs)
    optimizer = types.SimpleNamespace(learning_rate=None)
    end.set_model(types.SimpleNamespace(optimizer=optimizer, stop_training=False))
    return end


def rate(end, step):
    end.step = step
    end.on_train_batch_begin(0)
    return end.model.optimizer.learning_rate


def test_the_rate_by_steps(clock):
    # Warm-up over 10 of 100 steps; the cosine is 1 at the start, 1/2 half-way, 0 at the end.
    end = attached(2.0, 100, warmup_steps=10)
    assert rate(end, 0) == pytest.approx(2.0 * 0.1)
    assert rate(end, 4) == pytest.approx(2.0 * 0.5 * 0.5 * (1 + 0.9921147))  # cos(4 pi / 100)
    assert rate(end, 25) == pytest.approx(2.0 * 0.5 * (1 + 0.70710678))
    assert rate(end, 50) == pytest.approx(1.0)
    assert rate(end, 75) == pytest.approx(2.0 * 0.5 * (1 - 0.70710678))
    assert rate(end, 100) == pytest.approx(0.0, abs=1e-12)


def test_without_warm_up(clock):
    assert rate(attached(2.0, 100, warmup_steps=0), 0) == 2.0


def test_the_warm_up_is_at_most_a_tenth(clock):
    end = attached(1.0, 40)
    assert [rate(end, step) < rate(end, step + 1) for step in range(4)] == [True] * 3 + [False]
    assert attached(1.0, 5).warmup_steps == 0
    assert attached(1.0, 100_000).warmup_steps == 100


def test_the_rate_by_time(clock):
    end = attached(2.0, 1_000_000, time_limit=70.0, warmup_steps=1)
    first_step(end, 10.0, clock)
    clock.advance(30.0)
    assert end.progress == pytest.approx(0.5)  # 30 of the 60 seconds after the first step
    assert rate(end, 10) == pytest.approx(1.0)
    clock.advance(300.0)
    assert (end.progress, end.seconds) == (1.0, pytest.approx(340.0))
    assert rate(end, 10) == pytest.approx(0.0, abs=1e-12)


def test_the_time_of_compiling_is_no_progress(clock):
    end = attached(2.0, 1_000_000, time_limit=100.0)
    clock.advance(40.0)
    assert end.progress == 0.0
    first_step(end, 0.0, clock)
    assert end.progress == pytest.approx(1e-6)
    clock.advance(15.0)
    assert end.progress == pytest.approx(0.25)


def test_compiling_beyond_the_limit_ends_the_phase(clock):
    end = attached(2.0, 1_000_000, time_limit=100.0)
    first_step(end, 100.0, clock)
    assert end.progress == 1.0
    assert end.model.stop_training


def test_the_larger_progress_counts(clock):
    end = attached(2.0, 100, time_limit=60.0)
    first_step(end, 0.0, clock)
    clock.advance(6.0)
    end.step = 50
    assert end.progress == 0.5
    clock.advance(48.0)
    assert end.progress == pytest.approx(0.9)


def first_step(end, seconds, clock):
    end.on_train_batch_begin(0)
    clock.advance(seconds)
    end.on_train_batch_end(0)


def run(end, seconds, clock, most=1000):
    """Steps of so many seconds until the phase ends; their number."""
    for count in range(1, most + 1):
        end.on_train_batch_begin(0)
        clock.advance(seconds)
        end.on_train_batch_end(0)
        if end.model.stop_training:
            return count
    return None


def test_ends_at_the_last_step(clock):
    assert run(attached(1.0, 30), 1.0, clock) == 30


def test_ends_at_the_time_limit(clock):
    assert run(attached(1.0, 1000, time_limit=60.0), 7.0, clock) == 9


def test_goes_on_from_a_step(clock):
    whole, resumed = attached(1.0, 30), attached(1.0, 30, first_step=12)
    assert rate(resumed, resumed.step) == rate(whole, 12)
    assert run(attached(1.0, 30, first_step=12), 1.0, clock) == 18


def test_goes_on_from_the_time_used(clock):
    end = attached(1.0, 1000, time_limit=60.0, seconds_used=45.0, first_progress=0.7)
    assert (end.seconds, end.progress) == (45.0, 0.7)
    first_step(end, 5.0, clock)  # compiles again
    assert end.progress == pytest.approx(0.7)
    clock.advance(5.0)
    assert end.progress == pytest.approx(0.85)  # half of the 10 seconds that were left
    assert run(end, 5.0, clock) == 1
