"""Damaged files and a disk that refuses: one message each, and nothing lost."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pathlib
import shutil

import keras
import pytest

import data_pipelines
from amer_tf.search.state import RunFolder
from data_pipelines.folder import HEAD_FILE, read_head, write_head
from tests.cli.conftest import amer, refused
from tests.search import small_hybrid_run


@pytest.fixture
def any_run(request):
    """The run of next item, or, where a test asks for `both_runs`, that of hybrid rows too."""
    name = getattr(request, "param", "run")
    with small_hybrid_run.few_layers() if name == "hybrid_run" else contextlib.nullcontext():
        yield request.getfixturevalue(name)


@pytest.fixture
def copied(any_run, tmp_path):
    return shutil.copytree(any_run.folder, tmp_path / "run")


both_runs = pytest.mark.parametrize("any_run", ["run", "hybrid_run"], indirect=True)
# With the hybrid rows a whole search takes longer.
both_searched = pytest.mark.parametrize(
    "any_run", ["run", pytest.param("hybrid_run", marks=pytest.mark.slow)], indirect=True
)


def search(run, folder, data=None, seed=3):
    data = f"--data_dir={data or run.data}"
    return ("search", data, f"--run_dir={folder}", f"--seed={seed}", *run.settings)


def evaluate(run, folder):
    return ("evaluate", f"--run_dir={folder}", *run.evaluated)


@both_runs
def test_data_that_do_not_fit_their_spec(any_run, tmp_path, monkeypatch):
    data = data_pipelines.load(any_run.data)
    longer = dataclasses.replace(data.spec, max_length=data.spec.max_length + 1)
    changed = dataclasses.replace(data, spec=longer)
    monkeypatch.setattr(data_pipelines, "load", lambda folder: changed)
    message = refused(*search(any_run, tmp_path / "run"))
    history = data.spec.history_field
    assert f"'{history}' of the training split must hold ids of shape" in message


@both_runs
def test_another_seed_and_another_setting(any_run, copied):
    assert "another seed: 3" in refused(*search(any_run, copied, seed=4))
    message = refused(*search(any_run, copied), "--set=batch_size=7")
    assert "another settings.batch_size: " in message


@both_runs
def test_data_that_are_not_those_of_the_run(any_run, copied, tmp_path):
    data = shutil.copytree(any_run.data, tmp_path / "data")
    # Prepared from other files: the spec alone is the same.
    head = read_head(data)
    (data / HEAD_FILE).unlink()
    write_head(data, {**head, "sources": []})
    assert "holds a run on other data: " in refused(*search(any_run, copied, data))


@both_runs
def test_folders_that_are_none_of_a_run(any_run, tmp_path):
    for folder in (tmp_path / "no such", any_run.data):
        for command in (
            evaluate(any_run, folder),
            ("report", f"--run_dir={folder}"),
            ("export", f"--run_dir={folder}", f"--export_dir={tmp_path / '1'}"),
        ):
            assert str(folder) in refused(*command)
    assert list(tmp_path.iterdir()) == []


def last_message(answer):
    """The message of a command that failed after it had shown progress."""
    assert answer.code == 2
    assert answer.output == ""
    assert "Traceback" not in answer.messages
    return answer.messages.splitlines()[-1]


def truncate(file: pathlib.Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@both_runs
@pytest.mark.parametrize("name", ["config.json", "metrics.json", "architecture.json", "data.json"])
def test_a_truncated_file_of_a_run(any_run, copied, name):
    truncate(copied / name)
    message = refused(*evaluate(any_run, copied))
    assert f"{copied / name} cannot be read" in message


@both_runs
def test_a_truncated_spec_of_a_run(any_run, copied):
    truncate(copied / "spec.json")
    assert "spec" in refused(*evaluate(any_run, copied))


@both_runs
def test_a_damaged_log_of_trials(any_run, copied):
    file = copied / "trials.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0][:40] + b"\n", *lines[1:]]))
    (copied / "metrics.json").unlink()
    assert f"{file} has a damaged line" in last_message(amer(*search(any_run, copied)))


@both_runs
@pytest.mark.parametrize("damage", [truncate, lambda file: file.write_bytes(b"no model")])
def test_a_damaged_model(any_run, copied, tmp_path, damage):
    damage(copied / "model.keras")
    for command in (
        evaluate(any_run, copied),
        ("export", f"--run_dir={copied}", f"--export_dir={tmp_path / '1'}"),
    ):
        assert f"{copied / 'model.keras'} cannot be read" in refused(*command)
    assert not (tmp_path / "1").exists()


@both_runs
def test_a_damaged_block_of_the_data(any_run, tmp_path):
    data = shutil.copytree(any_run.data, tmp_path / "data")
    truncate(data / any_run.block)
    message = refused(*search(any_run, tmp_path / "run", data))
    assert any_run.block in message
    assert not (tmp_path / "run").exists()


@both_runs
@pytest.mark.slow
def test_a_damaged_checkpoint_of_a_killed_run(any_run, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    killed_after(monkeypatch, "record_phase", 5)
    with pytest.raises(SystemExit):
        amer(*search(any_run, folder))
    monkeypatch.undo()
    [file] = (folder / "checkpoints").glob("*supernet.npz")
    truncate(file)
    message = last_message(amer(*search(any_run, folder)))
    assert f"{file} is truncated or damaged" in message
    assert "Delete it to train this phase again" in message
    file.unlink()
    assert amer(*search(any_run, folder)).code == 0


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


@both_searched
def test_a_full_disk_and_room_again(any_run, tmp_path, monkeypatch):
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
            message = last_message(amer(*search(any_run, folder)))
        assert str(named) in message
        assert "No space left on device" in message
        assert "run the same command again" in message
    again = amer(*search(any_run, folder))
    assert again.code == 0, again.messages
    known = any_run.searched.result
    assert {**again.result, "seconds": 0, "run_dir": ""} == {**known, "seconds": 0, "run_dir": ""}


@both_runs
def test_a_folder_that_may_not_be_written(any_run, copied, tmp_path, monkeypatch):
    # A test that runs as root may write anywhere, so the operating system's answer is made up.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    message = refused(*search(any_run, copied))
    assert "The run folder cannot be written to" in message
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    message = refused(*search(any_run, tmp_path / "file" / "run"))
    assert "The run folder cannot be made" in message


@both_runs
def test_metrics_that_cannot_be_written(any_run, copied, monkeypatch):
    before = (copied / "metrics.json").read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    answer = amer(*evaluate(any_run, copied))
    assert f"{copied / 'metrics.json'} cannot be written" in last_message(answer)
    assert (copied / "metrics.json").read_bytes() == before


@both_runs
def test_an_export_on_a_full_disk(any_run, tmp_path, monkeypatch):
    monkeypatch.setattr("amer_tf.export.export_folder._flush", full_disk)
    message = refused("export", f"--run_dir={any_run.folder}", f"--export_dir={tmp_path / '1'}")
    assert "No space left on device" in message
    assert list(tmp_path.iterdir()) == []
