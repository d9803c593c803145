"""Calls in processes of their own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import pytest

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
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    waits = (1.5, 0.0, 0.0)
    calls = [
        Call(write, (tmp_path / f"{number}.txt", wait), tmp_path / "logs" / f"{number}.log")
        for number, wait in enumerate(waits)
    ]
    begun: list[int] = []
    ended = list(processes.run(calls, 2, begun.append))
    assert sorted(ended) == [(0, None), (1, None), (2, None)]
    assert begun == [0, 1, 2]
    for number in range(3):
        assert (tmp_path / f"{number}.txt").read_text() == "3"  # of six cores
        assert (tmp_path / "logs" / f"{number}.log").read_text() == "at work\n"
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.slow
def test_how_a_process_died(tmp_path):
    calls = [Call(end, (how,), tmp_path / how) for how in ("exit", "kill")]
    reasons = dict(processes.run(calls, workers=1))
    assert reasons[0] == "its process ended with code 3"
    assert "ended by signal 9: with signal 9 mostly by the system, for want" in reasons[1]


@pytest.mark.slow
def test_a_script_that_is_not_guarded(tmp_path):
    """Each process imports the script, which must not start others there."""
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib; from amer_tf.compare import processes; "
        "from tests.compare.test_processes import write\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "calls = [processes.Call(write, (folder / 'never',), folder / 'log')]\n"
        "print(list(processes.run(calls, 1)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
    )
    assert 'must compare under `if __name__ == "__main__":`' in ended.stdout
    assert not (tmp_path / "never").exists()


@pytest.mark.slow
def test_those_that_run_are_ended_with_the_caller(tmp_path):
    file = tmp_path / "late.txt"
    calls = [Call(end, ("exit",), tmp_path / "a"), Call(write, (file, 60.0), tmp_path / "b")]
    running = processes.run(calls, workers=2)
    assert next(running)[0] == 0
    start = time.monotonic()
    running.close()
    assert time.monotonic() - start < 30
    assert not file.exists()


@pytest.mark.slow
def test_those_that_run_end_with_a_caller_that_is_killed(tmp_path):
    """What holds the log open is gone: a pipe that only they write to is closed."""
    code = (
        "import pathlib, sys; from amer_tf.compare import processes; "
        "from tests.compare.test_processes import begin\n"
        "if __name__ == '__main__':\n"
        "    started, log = map(pathlib.Path, sys.argv[1:])\n"
        "    list(processes.run([processes.Call(begin, (started,), log)], 1))\n"
    )
    script, started = tmp_path / "script.py", tmp_path / "started"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(started), str(tmp_path / "log")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as caller:
        while not started.exists():
            assert caller.poll() is None
            time.sleep(0.1)
        caller.kill()
        assert caller.stdout.read() == b""  # ends when nobody can write to it any more


def begin(file: pathlib.Path) -> None:
    file.touch()
    time.sleep(600.0)


@pytest.mark.parametrize(
    ("asked", "number"), [("3", 3), ("4,2", 4), (None, 6), ("", 6), ("0", 6), ("many", 6)]
)
def test_threads(monkeypatch, asked, number):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert processes.num_threads() == number


def test_without_workers_in_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "here")
    assert list(processes.run([Call(write, (tmp_path / "a",), tmp_path / "log")], 0)) == [(0, None)]
    assert (tmp_path / "a").read_text() == "here"


def test_what_the_user_has_set_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    list(processes.run([Call(write, (tmp_path / "a",), tmp_path / "log")], 2))
    assert (tmp_path / "a").read_text() == "7"
