"""Runs the command line in a process of its own, for the recorded runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def amer(verb: str, *flags: str, cores: Sequence[int] = ()) -> dict[str, Any]:
    """The last line of a command's output, and the most memory it took, in GiB, as `"peak"`."""

    def bind() -> None:
        if cores:
            os.sched_setaffinity(0, cores)

    command = [sys.executable, "-m", "amer_tf", verb, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=bind) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return {**json.loads(lines[-1]), "peak": round(usage.ru_maxrss / 2**20, 2)}
