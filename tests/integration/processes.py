"""Real `amer` processes, which may be killed."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds that a process may take, on a machine that does much else


def start(*arguments: str, program: str = "amer_tf") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", program, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def finish(process: subprocess.Popen[str], patience: float = PATIENCE) -> dict[str, Any]:
    """The result of a process that is left alone."""
    output, _ = process.communicate(timeout=patience)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


def kill_when(process: subprocess.Popen[str], reached: Callable[[], bool], seconds: float) -> bool:
    """Kills a process so many seconds after something was reached; whether that was in time."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert process.poll() is None, "the process ended before it came there"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def phase_is_running(run: pathlib.Path, phase: str) -> Callable[[], bool]:
    def reached() -> bool:
        # The file is replaced whole, so it can be read at any moment.
        file = run / "phases.json"
        record = json.loads(file.read_text()).get(phase, {}) if file.exists() else {}
        return bool(record.get("epoch") or record.get("groups")) and not record.get("done")

    return reached


def without_time(file: pathlib.Path) -> dict[str, object]:
    return {key: value for key, value in json.loads(file.read_text()).items() if key != "seconds"}
