"""Files are whole or not there."""

from __future__ import annotations

import os
import pathlib

import pytest

from amer_tf.files import write_text
from amer_tf.search.state import RunFolder


def test_writes_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "ä\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    write_text(file, "old")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_leaves_is_tidied_up_with_a_run(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(descriptor):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", kill)
        patched.setattr(pathlib.Path, "unlink", lambda *arguments, **options: None)
        with pytest.raises(Killed):
            write_text(tmp_path / "spec.json", "{}")
    [left] = tmp_path.iterdir()
    assert left.name == f".tmp-{os.getpid()}-spec.json"
    with RunFolder(tmp_path).at_work():
        assert not left.exists()


def test_a_written_file_can_be_read_by_others(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
