"""Keeps what TensorFlow writes while it is imported off the command line's standard error."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_command_line() -> Iterator[None]:
    """Hides standard error in the block where this process is `amer` or `python -m amer_tf`.

    TensorFlow writes some messages before it reads its own setting for them, so the file
    descriptor is turned away; errors of Python arrive as exceptions all the same.
    """
    if not _is_command_line():
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_command_line() -> bool:
    program = pathlib.PurePath(sys.argv[0]).stem if getattr(sys, "argv", None) else ""
    # While `python -m` imports the package, the program has no other name yet.
    if program == "-m":
        words = sys.orig_argv
        return "amer_tf" in words[words.index("-m") + 1 :][:1]
    return program == "amer"
