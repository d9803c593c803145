"""Keeps what TensorFlow writes while it is imported off standard error, where that is asked for."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import sys
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Hides standard error in the block, where TensorFlow is to be silent.

    That is where `TF_CPP_MIN_LOG_LEVEL` is 3, which is set for `amer` and `python -m amer_tf`
    unless the user has set it. TensorFlow writes some messages before it reads that variable, so
    the file descriptor is turned away; errors of Python arrive as exceptions all the same.
    """
    if _is_command_line():
        os.environ.setdefault(_LEVEL, "3")
    if os.environ.get(_LEVEL) != "3":
        yield
        return
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # there is no standard error
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
        return "-mamer_tf" in words or ("-m", "amer_tf") in itertools.pairwise(words)
    return program == "amer"
