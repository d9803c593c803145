"""Calls one after another in processes of their own, several at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

# Read by TensorFlow, and by what NumPy and LightGBM compute with.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


class Call(NamedTuple):
    """What one process does.

    Attributes:
        function: A function of a module.
        arguments: What it is called with; all of it is sent to the process.
        log: File for all that it writes to standard error.
    """

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    log: pathlib.Path


def run(
    calls: Sequence[Call], workers: int, on_begin: Callable[[int], None] = lambda index: None
) -> Iterator[tuple[int, str | None]]:
    """Makes all calls, each in a process of its own: memory is given back, and a crash is its own.

    Args:
        calls: The calls, the most urgent first.
        workers: Processes at a time, which share the cores; 0 makes the calls in this process.
        on_begin: Called with the place of a call whose process has been started.

    Yields: The place of a call that has ended, and how its process died where it did.
    """
    if workers == 0:
        for index, call in enumerate(calls):
            call.function(*call.arguments)
            yield index, None
        return
    waiting = list(enumerate(calls))[::-1]
    running: dict[int, tuple[int, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index, call = waiting.pop()
                process = _started(call, max(1, _num_cores() // workers))
                running[process.sentinel] = (index, process)
                on_begin(index)
            for sentinel in multiprocessing.connection.wait(list(running)):
                assert isinstance(sentinel, int)
                index, process = running.pop(sentinel)
                process.join()
                yield index, _death(process.exitcode or 0, calls[index].log)
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()


def _num_cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_threads() -> int:
    """Threads that what computes with OpenMP, such as LightGBM, takes in this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(asked) if asked.isdecimal() and int(asked) else _num_cores()


def _started(call: Call, threads: int) -> BaseProcess:
    call.log.parent.mkdir(parents=True, exist_ok=True)
    # A fork of a process that has run TensorFlow hangs.
    process = multiprocessing.get_context("spawn").Process(target=_call, args=(call,))
    with _environment(dict.fromkeys(_THREADS, str(threads))):
        process.start()
    return process


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that a process started in the block inherits, where the user has not set them."""
    own = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]


def _call(call: Call) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with call.log.open("ab") as stream:
        sys.stderr.flush()
        os.dup2(stream.fileno(), 2)
        call.function(*call.arguments)
        sys.stderr.flush()


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, by whatever signal."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _death(code: int, log: pathlib.Path) -> str | None:
    if code == 0:
        return None
    if not log.exists():
        return (
            f"its process ended with code {code} before it began: a script must compare under "
            '`if __name__ == "__main__":`, since each process imports it'
        )
    if code < 0:
        return (
            f"its process was ended by signal {-code}: with signal 9 mostly by the system, for "
            "want of memory"
        )
    return f"its process ended with code {code}"
