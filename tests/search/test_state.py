"""The run folder: whole files, an honest log, messages that say what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import stat
import subprocess
import sys

import keras
import numpy as np
import pytest

from amer_tf.search.run_error import RunError
from amer_tf.search.state import MODEL_FILE, TRIALS_FILE, RunFolder
from amer_tf.training import variable_blocks

CONFIG = {"version": "1", "seed": 0, "settings": {"dropout": 0.5, "loss": "softmax"}, "spec": "ab"}


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def names(folder):
    return sorted(file.name for file in folder.rglob("*"))


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_json_is_written_and_read(run):
    assert run.read_json("a.json") is None
    run.write_json("a.json", {"b": [1, 2]})
    assert run.read_json("a.json") == {"b": [1, 2]}
    run.write_json("a.json", {"b": 3})
    assert run.read_json("a.json") == {"b": 3}
    assert names(run.path) == ["a.json", "checkpoints"]


@pytest.mark.parametrize("refused", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(run, monkeypatch, refused):
    run.write_json("a.json", {"old": 1})
    if refused == "fsync":
        monkeypatch.setattr(os, "fsync", full_disk)
    else:
        monkeypatch.setattr(pathlib.Path, "replace", full_disk)
    with pytest.raises(RunError, match=r"a\.json cannot be written.*No space left.*same command"):
        run.write_json("a.json", {"new": 2})
    monkeypatch.undo()
    assert run.read_json("a.json") == {"old": 1}
    assert names(run.path) == ["a.json", "checkpoints"]


def test_a_full_disk_while_the_content_is_written(run):
    run.save_arrays("phase", {"weight": np.arange(3)})

    def save(stream):
        stream.write(b"half")
        full_disk()

    with pytest.raises(RunError, match=r"phase\.npz cannot be written.*No space left"):
        run.write("checkpoints/phase.npz", save)
    np.testing.assert_array_equal(run.load_arrays("phase")["weight"], np.arange(3))
    assert names(run.path) == ["checkpoints", "phase.npz"]


def test_a_killed_write_leaves_the_old_file(run):
    run.write_json("a.json", {"old": 1})

    def save(stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write("a.json", save)
    assert run.read_json("a.json") == {"old": 1}
    assert names(run.path) == ["a.json", "checkpoints"]


def test_leftovers_of_a_killed_run_are_removed(run):
    (run.path / ".tmp-7-a.json").write_text("half")
    (run.path / "checkpoints" / ".tmp-7-phase.npz").write_text("half")
    (run.path / "vocabularies").mkdir()
    (run.path / "vocabularies" / ".tmp-7-item_id.txt").write_text("half")
    (run.path / "mine.txt").write_text("kept")
    with RunFolder(run.path).at_work():
        pass
    assert names(run.path) == ["checkpoints", "mine.txt", "vocabularies"]


def test_one_search_at_a_time(run):
    other = RunFolder(run.path)
    (run.path / ".tmp-7-a.json").write_text("being written")
    with run.at_work():
        (run.path / ".tmp-8-a.json").write_text("being written")
        with pytest.raises(RunError, match=r"Another search is at work.*Received: run_dir='.*run'"):
            other.at_work().__enter__()
        assert names(run.path) == [".lock", ".tmp-8-a.json", "checkpoints"]
    with other.at_work():
        assert names(run.path) == [".lock", "checkpoints"]
    assert names(run.path) == ["checkpoints"]


def test_a_killed_search_holds_no_lock(run):
    script = "import os, sys; from amer_tf.search.state import RunFolder; " + (
        "work = RunFolder(sys.argv[1]).at_work(); work.__enter__(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(run.path)], check=False)
    assert killed.returncode == -9
    assert names(run.path) == [".lock", "checkpoints"]
    with run.at_work():
        pass


def test_a_folder_that_cannot_be_locked(run, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(RunError, match="cannot be locked against other processes: .*No locks"):
        run.at_work().__enter__()


def no_locks(*args):
    raise OSError(errno.ENOLCK, "No locks available")


def test_a_run_that_is_looked_at_is_not_changed(run):
    (run.path / ".tmp-7-a.json").write_text("half")
    (run.path / TRIALS_FILE).write_text('{"score": 1}\n{"sco')
    seen = RunFolder(run.path, read_only=True)
    assert seen.trials() == [{"score": 1}]
    assert (run.path / ".tmp-7-a.json").exists()
    assert (run.path / TRIALS_FILE).read_text().endswith('{"sco')


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be made.*Received: run_dir='.*file/run'"):
        RunFolder(tmp_path / "file" / "run")


def test_a_read_only_folder(run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(RunError, match="cannot be written to; choose another `run_dir`"):
        RunFolder(run.path)


def test_files_have_the_rights_of_the_user(run):
    run.write_json("a.json", {})
    (run.path / "plain").write_text("")
    rights = [stat.S_IMODE((run.path / name).stat().st_mode) for name in ("a.json", "plain")]
    assert rights[0] == rights[1]


@pytest.mark.parametrize("content", ['{"a": 1', "", "[1]", "7"])
def test_a_damaged_json_file(run, content):
    (run.path / "config.json").write_text(content)
    with pytest.raises(RunError, match=r"config\.json cannot be read.*damaged.*new `run_dir`"):
        run.claim(CONFIG)
    with pytest.raises(RunError, match="or delete its folder to begin anew"):
        run.claim(CONFIG)


def test_claim_accepts_its_own_configuration(run):
    run.claim({**CONFIG, "steps": ("behavior",)})
    run.claim({**CONFIG, "steps": ["behavior"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "another seed: 0.*Received: seed=1"),
        ({"spec": "cd"}, 'another spec: "ab".*Received: spec="cd"'),
        ({"time_limit": 60.0}, "another time_limit: null.*Received: time_limit=60.0"),
        (
            {"settings": {"dropout": 0.4, "loss": "softmax"}},
            r"another settings\.dropout: 0\.5.*Received: settings\.dropout=0\.4",
        ),
        ({"spec": "c" * 200}, r"Received: spec=.{77}\.\.\.$"),
    ],
)
def test_claim_names_what_differs(run, change, message):
    run.claim(CONFIG)
    with pytest.raises(RunError, match=message):
        run.claim({**CONFIG, **change})
    run.claim(CONFIG)


def test_phases_are_merged(run):
    assert run.phases() == {}
    run.record_phase("supernet", epoch=1, curve=[0.1])
    run.record_phase("scoring", groups=2)
    run.record_phase("supernet", epoch=2)
    assert run.phases() == {"supernet": {"epoch": 2, "curve": [0.1]}, "scoring": {"groups": 2}}


def test_trials_are_appended(run):
    assert run.trials() == []
    run.append_trials([{"score": 1}, {"score": 2}])
    run.append_trials([{"score": 3}])
    assert run.trials() == [{"score": 1}, {"score": 2}, {"score": 3}]


def test_a_half_written_line_is_dropped(run):
    run.append_trials([{"score": 1}, {"score": 2}])
    file = run.path / TRIALS_FILE
    os.truncate(file, file.stat().st_size - 4)
    again = RunFolder(run.path)
    with again.at_work():
        assert again.trials() == [{"score": 1}]
        again.append_trials([{"score": 4}])
    assert again.trials() == [{"score": 1}, {"score": 4}]
    assert len(file.read_text().splitlines()) == 2


def test_a_damaged_line(run):
    (run.path / TRIALS_FILE).write_text('{"score": 1}\nnonsense\n{"score": 2}\n')
    with pytest.raises(RunError, match=r"trials\.jsonl has a damaged line.*new `run_dir`"):
        run.trials()


def test_a_full_disk_while_trials_are_appended(run, monkeypatch):
    run.append_trials([{"score": 1}])
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(RunError, match=r"trials\.jsonl cannot be written.*same command again"):
        run.append_trials([{"score": 2}])


class Killed(BaseException):
    pass


def killed(*args, **kwargs):
    raise Killed


def add_best(run, score):
    run.append_best_trial({"score": score}, lambda path: path.write_text(f"model of {score}"))


def test_the_best_trial_comes_with_its_model(run):
    add_best(run, 1)
    run.append_trials([{"score": 0}])
    add_best(run, 2)
    assert run.trials() == [{"score": 1}, {"score": 0}, {"score": 2}]
    assert names(run.path) == ["checkpoints", MODEL_FILE, TRIALS_FILE]
    assert (run.path / MODEL_FILE).read_text() == "model of 2"


@pytest.mark.parametrize(
    ("method", "expected"),
    [("staged", 1), ("append_trials", 1), ("_settle_next_model", 2)],
)
def test_model_and_trial_agree_wherever_the_run_is_killed(run, monkeypatch, method, expected):
    add_best(run, 1)
    monkeypatch.setattr(run, method, killed)
    with pytest.raises(Killed):
        add_best(run, 2)
    again = RunFolder(run.path)
    with again.at_work():
        assert len(again.trials()) == expected
    assert (run.path / MODEL_FILE).read_text() == f"model of {expected}"
    assert names(run.path) == ["checkpoints", MODEL_FILE, TRIALS_FILE]


def test_checkpoints(run):
    assert run.load_arrays("phase") is None
    arrays = {"0:a/b": np.arange(6.0).reshape(2, 3), "1:c": np.array(7, "int64")}
    run.save_arrays("phase", arrays)
    loaded = run.load_arrays("phase")
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    run.save_arrays("other", arrays)
    run.remove_checkpoint("phase")
    run.remove_checkpoint("phase")
    assert names(run.path / "checkpoints") == ["other.npz"]
    run.remove_checkpoints()
    assert names(run.path) == ["checkpoints"]


def test_a_checkpoint_of_variables_in_blocks(run, monkeypatch):
    """What stands in the file is what NumPy writes."""
    monkeypatch.setattr(variable_blocks, "_BLOCK_BYTES", 24)
    values = {"table": np.arange(15, dtype="float32").reshape(5, 3), "step": np.array(7, "int64")}
    run.save_arrays(
        "phase",
        {name: keras.Variable(value, dtype=value.dtype.name) for name, value in values.items()},
    )
    with np.load(run.path / "checkpoints" / "phase.npz") as archive:
        assert archive.files == list(values)
        for name, value in values.items():
            np.testing.assert_array_equal(archive[name], value)
            assert archive[name].dtype == value.dtype
    with pytest.raises(KeyError, match="other"):
        run.load_arrays("phase")["other"]


def test_a_checkpoint_that_may_not_be_read(run, monkeypatch):
    """It is not damaged, and must not be deleted."""
    run.save_arrays("phase", {"weight": np.ones(3)})

    def refuse(file):
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(RunError, match=r"phase\.npz cannot be read: .*Permission denied") as caught:
        run.load_arrays("phase")
    assert "Delete" not in str(caught.value)


def test_a_damaged_checkpoint_wherever_it_is_damaged(run):
    run.save_arrays("phase", {"weight": np.arange(40.0), "bias": np.ones(3)})
    file = run.path / "checkpoints" / "phase.npz"
    whole = file.read_bytes()
    message = r"phase\.npz is truncated or damaged.*Delete it to train this phase again"
    for length in range(0, len(whole), 23):
        file.write_bytes(whole[:length])
        with pytest.raises(RunError, match=message):
            dict(run.load_arrays("phase"))
    refused = 0
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            loaded = dict(run.load_arrays("phase"))
        except RunError:
            refused += 1
        else:  # a byte that nobody reads, such as a date
            np.testing.assert_array_equal(loaded["weight"], np.arange(40.0))
    assert refused > 50
