"""Damaged files and a disk that refuses: one message each, and nothing lost."""

from __future__ import annotations

import dataclasses
import errno
import os
import pathlib
import shutil

import keras
import pytest

import data_pipelines
from amer_tf.search.state import RunFolder
from tests.cli.conftest import SETTINGS, amer, refused


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run.folder, tmp_path / "run")


def search(run, folder):
    return ("search", f"--data_dir={run.data}", f"--run_dir={folder}", "--seed=3", *SETTINGS)


def test_data_that_do_not_fit_their_spec(run, tmp_path, monkeypatch):
    data = data_pipelines.load(run.data)
    longer = dataclasses.replace(data.spec, max_length=data.spec.max_length + 1)
    changed = dataclasses.replace(data, spec=longer)
    monkeypatch.setattr(data_pipelines, "load", lambda folder: changed)
    message = refused(*search(run, tmp_path / "run"))
    assert "'history_item_id' of the training split must hold ids of shape" in message


def last_message(answer):
    """The message of a command that failed after it had shown progress."""
    assert answer.code == 2
    assert answer.output == ""
    assert "Traceback" not in answer.messages
    return answer.messages.splitlines()[-1]


def truncate(file: pathlib.Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "architecture.json", "data.json"])
def test_a_truncated_file_of_a_run(copied, name):
    truncate(copied / name)
    message = refused("evaluate", f"--run_dir={copied}", "--candidates=full")
    assert f"{copied / name} cannot be read" in message


def test_a_truncated_spec_of_a_run(copied):
    truncate(copied / "spec.json")
    assert "spec" in refused("evaluate", f"--run_dir={copied}", "--candidates=full")


def test_a_damaged_log_of_trials(run, copied):
    file = copied / "trials.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0][:40] + b"\n", *lines[1:]]))
    (copied / "metrics.json").unlink()
    assert f"{file} has a damaged line" in last_message(amer(*search(run, copied)))


@pytest.mark.parametrize("damage", [truncate, lambda file: file.write_bytes(b"no model")])
def test_a_damaged_model(copied, tmp_path, damage):
    damage(copied / "model.keras")
    for command in (
        ("evaluate", f"--run_dir={copied}", "--candidates=full"),
        ("export", f"--run_dir={copied}", f"--export_dir={tmp_path / '1'}"),
    ):
        assert f"{copied / 'model.keras'} cannot be read" in refused(*command)
    assert not (tmp_path / "1").exists()


def test_a_damaged_block_of_the_data(run, tmp_path):
    data = shutil.copytree(run.data, tmp_path / "data")
    truncate(data / "events.records")
    message = refused("search", f"--data_dir={data}", f"--run_dir={tmp_path / 'run'}", *SETTINGS)
    assert "events.records" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_damaged_checkpoint_of_a_killed_run(run, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    killed_after(monkeypatch, "record_phase", 5)
    with pytest.raises(SystemExit):
        amer(*search(run, folder))
    monkeypatch.undo()
    file = folder / "checkpoints" / "supernet.npz"
    truncate(file)
    message = last_message(amer(*search(run, folder)))
    assert f"{file} is truncated or damaged" in message
    assert "Delete it to train this phase again" in message
    file.unlink()
    assert amer(*search(run, folder)).code == 0


def killed_after(monkeypatch, method, times):
    """The process ends at the call of this number."""
    original, calls = getattr(RunFolder, method), []

    def call(self, *arguments, **options):
        calls.append(1)
        if len(calls) > times:
            raise SystemExit
        return original(self, *arguments, **options)

    monkeypatch.setattr(RunFolder, method, call)


def full_disk(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_and_room_again(run, tmp_path, monkeypatch):
    folder, append_trials = tmp_path / "run", RunFolder.append_trials

    def append(self, trials):
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full_disk)
            append_trials(self, trials)

    # Before the run, in its log, and where its first model is written.
    for owner, name, fault, named in (
        (os, "fsync", full_disk, folder / "config.json"),
        (RunFolder, "append_trials", append, folder / "trials.jsonl"),
        (keras.Model, "save", full_disk, folder),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, fault)
            message = last_message(amer(*search(run, folder)))
        assert str(named) in message
        assert "No space left on device" in message
        assert "run the same command again" in message
    again = amer(*search(run, folder))
    assert again.code == 0, again.messages
    known = run.searched.result
    assert {**again.result, "seconds": 0, "run_dir": ""} == {**known, "seconds": 0, "run_dir": ""}


def test_a_folder_that_may_not_be_written(run, copied, tmp_path, monkeypatch):
    # A test that runs as root may write anywhere, so the operating system's answer is made up.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    message = refused(*search(run, copied))
    assert "The run folder cannot be written to" in message
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    message = refused(*search(run, tmp_path / "file" / "run"))
    assert "The run folder cannot be made" in message


def test_metrics_that_cannot_be_written(copied, monkeypatch):
    before = (copied / "metrics.json").read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    answer = amer("evaluate", f"--run_dir={copied}", "--candidates=full")
    assert f"{copied / 'metrics.json'} cannot be written" in last_message(answer)
    assert (copied / "metrics.json").read_bytes() == before


def test_an_export_on_a_full_disk(run, tmp_path, monkeypatch):
    monkeypatch.setattr("amer_tf.export.export_folder._flush", full_disk)
    message = refused("export", f"--run_dir={run.folder}", f"--export_dir={tmp_path / '1'}")
    assert "No space left on device" in message
    assert list(tmp_path.iterdir()) == []
