"""The command line starts in silence; a program that imports the library hears everything."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from amer_tf.quiet import quiet_import

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def written(capfd: pytest.CaptureFixture[str]) -> str:
    """What reaches standard error of writing inside and after the block."""
    with quiet_import():
        os.write(2, b"inside ")
    os.write(2, b"after")
    return capfd.readouterr().err


def test_a_program_hears_everything(monkeypatch, capfd):
    monkeypatch.delenv(LEVEL)
    assert written(capfd) == "inside after"
    assert LEVEL not in os.environ


def test_silence_that_is_asked_for_ends_with_the_block(monkeypatch, capfd):
    monkeypatch.setenv(LEVEL, "3")
    assert written(capfd) == "after"


@pytest.mark.parametrize(
    ("argv", "original"),
    [
        (["/usr/bin/amer", "search"], ["/usr/bin/amer", "search"]),
        (["amer.exe"], ["amer.exe"]),
        (["-m", "search"], ["python", "-m", "amer_tf", "search"]),
        (["-m"], ["python", "-I", "-mamer_tf"]),
    ],
)
def test_the_command_line_is_silent_unless_the_user_wants_otherwise(
    monkeypatch, capfd, argv, original
):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", original)
    monkeypatch.delenv(LEVEL)
    assert written(capfd) == "after"
    assert os.environ[LEVEL] == "3"
    monkeypatch.setenv(LEVEL, "0")
    assert written(capfd) == "inside after"


@pytest.mark.parametrize(
    ("argv", "original"),
    [
        (["train.py"], ["python", "train.py", "-m", "amer_tf"]),
        (["-m", "amer_tf"], ["python", "-m", "pytest", "amer_tf"]),
        ([""], ["python"]),
    ],
)
def test_other_programs_are_not_the_command_line(monkeypatch, capfd, argv, original):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", original)
    monkeypatch.delenv(LEVEL)
    assert written(capfd) == "inside after"


def test_an_error_passes_and_standard_error_comes_back(monkeypatch, capfd):
    monkeypatch.setenv(LEVEL, "3")
    with pytest.raises(ImportError, match="broken"), quiet_import():
        raise ImportError("broken")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_a_process_without_standard_error(monkeypatch):
    monkeypatch.setenv(LEVEL, "3")
    code = "import os\nos.close(2)\nimport amer_tf\nprint('done')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "done\n"
