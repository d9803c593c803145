"""Calls in processes of their own."""

from __future__ import annotations

import os
import pathlib
import sys
import time

from amer_tf.compare import processes
from amer_tf.compare.processes import Call


def write(file: pathlib.Path, wait: float = 0.0) -> None:
    time.sleep(wait)
    sys.stderr.write("at work\n")
    file.write_text(os.environ["OMP_NUM_THREADS"])


def end(how: str) -> None:
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), 9)


def test_calls_run_side_by_side(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    waits = (1.5, 0.0, 0.0)
    calls = [
        Call(write, (tmp_path / f"{number}.txt", wait), tmp_path / "logs" / f"{number}.log")
        for number, wait in enumerate(waits)
    ]
    ended = list(processes.run(calls, workers=2))
    assert sorted(ended) == [(0, None), (1, None), (2, None)]
    for number in range(3):
        assert (tmp_path / f"{number}.txt").read_text() == "3"  # of six cores
        assert (tmp_path / "logs" / f"{number}.log").read_text() == "at work\n"
    assert "OMP_NUM_THREADS" not in os.environ


def test_how_a_process_died(tmp_path):
    calls = [Call(end, (how,), tmp_path / how) for how in ("exit", "kill")]
    reasons = dict(processes.run(calls, workers=1))
    assert reasons[0] == "its process ended with code 3"
    assert "ended by signal 9: with signal 9 mostly by the system, for want" in reasons[1]


def test_those_that_run_are_ended_with_the_caller(tmp_path):
    file = tmp_path / "late.txt"
    calls = [Call(end, ("exit",), tmp_path / "a"), Call(write, (file, 60.0), tmp_path / "b")]
    running = processes.run(calls, workers=2)
    assert next(running)[0] == 0
    start = time.monotonic()
    running.close()
    assert time.monotonic() - start < 30
    assert not file.exists()


def test_without_workers_in_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "here")
    assert list(processes.run([Call(write, (tmp_path / "a",), tmp_path / "log")], 0)) == [(0, None)]
    assert (tmp_path / "a").read_text() == "here"


def test_what_the_user_has_set_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    list(processes.run([Call(write, (tmp_path / "a",), tmp_path / "log")], 2))
    assert (tmp_path / "a").read_text() == "7"
