"""The data folder as a whole: atomic, repeatable, and checked when it is opened."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import data_pipelines
from data_pipelines import DataError
from tests.data_pipelines.conftest import small_sequences, write_beauty

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Imports `amer_tf.features` without the package's own `__init__`, which imports TensorFlow.
LIGHT = """
import os, signal, sys, types
package = types.ModuleType("amer_tf")
package.__path__ = ["amer_tf"]
sys.modules["amer_tf"] = package
import data_pipelines.preparation, data_pipelines.records, data_pipelines.event_log
import data_pipelines.next_item, data_pipelines.folder

def kill_at_call(owner, name, number):
    original, calls = getattr(owner, name), []
    def counting(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    setattr(owner, name, counting)
"""
PREPARE = """
data_pipelines.prepare("amazon_beauty", sys.argv[1], sys.argv[2], k_core=2)
"""


def run_light(code: str, source: pathlib.Path, target: pathlib.Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", LIGHT + code + PREPARE, str(source), str(target)]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)


def digest(folder: pathlib.Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def undisturbed(
    beauty_source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    target = tmp_path_factory.mktemp("undisturbed") / "data"
    data_pipelines.prepare("amazon_beauty", beauty_source, target, k_core=2)
    return digest(target)


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [
        ("data_pipelines.event_log.ValueIndex", "encode", 1),
        ("data_pipelines.next_item", "k_core", 1),
        ("data_pipelines.event_log.np", "lexsort", 1),
        ("data_pipelines.records.RecordWriter", "append", 1),
        ("data_pipelines.records.RecordWriter", "close", 4),
        ("data_pipelines.preparation", "write_head", 1),
        ("data_pipelines.folder.pathlib.Path", "replace", 9),
    ],
)
def test_killed_anywhere_the_same_command_gives_the_same_bytes(
    beauty_source: pathlib.Path,
    tmp_path: pathlib.Path,
    undisturbed: dict[str, str],
    owner: str,
    name: str,
    number: int,
) -> None:
    target = tmp_path / "data"
    process = run_light(f"kill_at_call({owner}, {name!r}, {number})", beauty_source, target)
    assert process.wait() == -signal.SIGKILL, process.stderr and process.stderr.read()
    assert not target.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [".data.preparing"]

    data_pipelines.prepare("amazon_beauty", beauty_source, target, k_core=2)
    assert digest(target) == undisturbed
    assert list(tmp_path.iterdir()) == [target]


def test_killed_at_random_moments(tmp_path: pathlib.Path) -> None:
    source = write_beauty(tmp_path / "source", small_sequences() * 300)
    target = tmp_path / "work" / "data"
    start = time.monotonic()
    assert run_light("", source, tmp_path / "whole").wait() == 0
    duration = time.monotonic() - start
    for number in range(3):
        process = run_light("", source, target)
        time.sleep(duration * (0.5 + 0.15 * number))
        process.kill()
        process.wait()
    assert run_light("", source, target).wait() == 0
    assert digest(target) == digest(tmp_path / "whole")
    assert list(target.parent.iterdir()) == [target]


def test_a_second_process_at_the_same_folder_is_refused(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    from data_pipelines.folder import replacing

    with (
        replacing(tmp_path / "data"),
        pytest.raises(DataError, match="Another process is preparing the same data folder"),
    ):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data")


def test_a_folder_that_cannot_be_locked(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(
        DataError,
        match="cannot be locked against other processes: No locks available; choose one on "
        "another file system. Received: data_dir=",
    ):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data")


def test_the_same_data_are_not_prepared_twice(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    arguments = ("amazon_beauty", beauty_source, tmp_path / "data")
    counts = data_pipelines.prepare(*arguments, k_core=2)
    stamp = (tmp_path / "data" / "data.json").stat().st_mtime_ns
    assert data_pipelines.prepare(*arguments, k_core=2) == counts
    assert (tmp_path / "data" / "data.json").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match=r"prepared otherwise.*which differs in \['k_core'\]"):
        data_pipelines.prepare(*arguments, k_core=3)
    other = write_beauty(tmp_path / "other", small_sequences()[:-1])
    with pytest.raises(DataError, match=r"which differs in \['sources'\]"):
        data_pipelines.prepare("amazon_beauty", other, tmp_path / "data", k_core=2)


def test_what_is_recorded_beside_the_data(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    counts = data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data", k_core=2)
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    assert head["counts"] == counts
    assert head["split"] == {"kind": "leave_one_out"}
    assert head["k_core"] == 2
    assert head["dataset"] == "amazon_beauty"
    assert head["recipe"] == {"item_fields": []}
    lengths = [len(items) for items in small_sequences() if len(items) >= 2]
    assert counts["min"] == min(lengths)
    assert counts["max"] == max(lengths)
    assert counts["mean"] == round(sum(lengths) / len(lengths), 3)


def test_the_folder_we_are_in(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data_pipelines.prepare("amazon_beauty", beauty_source, ".", k_core=2)
    assert data_pipelines.load(tmp_path / "here").counts["users"] > 0


def test_an_empty_folder_is_filled_and_another_is_not(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "data").mkdir()
    data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data", k_core=2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match="must not exist or be empty.*which holds something else"):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "full")
    with pytest.raises(DataError, match="must not exist or be empty"):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "full" / "letter.txt")
    assert (tmp_path / "full" / "letter.txt").read_text() == "dear"


@pytest.fixture
def failing_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """After so many bytes, every file that is open for writing fails with this error."""

    def install(error: int, budget: int) -> None:
        original = pathlib.Path.open
        left = [budget]

        class Stream:
            def __init__(self, stream: Any) -> None:
                self._stream = stream

            def write(self, data: Any) -> Any:
                left[0] -= len(data)
                if left[0] < 0:
                    raise OSError(error, os.strerror(error))
                return self._stream.write(data)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._stream, name)

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *arguments: Any) -> None:
                self._stream.close()

        def opened(self: pathlib.Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            stream = original(self, mode, *arguments, **options)
            return Stream(stream) if "w" in mode else stream

        monkeypatch.setattr(pathlib.Path, "open", opened)

    return install


@pytest.mark.parametrize("budget", [0, 3000, 9000, 12_000, 16_000])
def test_a_full_disk(
    beauty_source: pathlib.Path,
    tmp_path: pathlib.Path,
    failing_disk: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, str],
    budget: int,
) -> None:
    failing_disk(errno.ENOSPC, budget)
    with pytest.raises(
        DataError, match="No space left on device; free some space and run the same command again"
    ):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data", k_core=2)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data", k_core=2)
    assert digest(tmp_path / "data") == undisturbed


def test_a_read_only_folder(
    beauty_source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not stop the superuser, as whom tests often run.
    def refuse(self: pathlib.Path, *arguments: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    with pytest.raises(
        DataError,
        match="Read-only file system; choose a folder that you may write to. Received: .*data",
    ):
        data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data")


@pytest.mark.parametrize(
    ("dataset", "source", "options", "message"),
    [
        (
            "beauty",
            "source",
            {},
            "`dataset` must be one of alimama, amazon_beauty, .*dataset='beauty'",
        ),
        ("amazon_beauty", "nowhere", {}, "`source_dir` must be a folder"),
        ("amazon_beauty", "empty", {}, r"must hold Beauty.txt or .*which holds \[\]"),
        ("amazon_beauty", None, {}, "`source_dir` must name the folder of the files"),
        ("amazon_beauty", "source", {"core": 5}, r"options of amazon_beauty .*\['core'\]"),
        ("amazon_beauty", "source", {"k_core": -1}, "`k_core` must be an integer"),
        ("amazon_beauty", "source", {"max_length": 0}, "max_length must be an integer"),
        ("amazon_beauty", "source", {"split": "random"}, "must be one of leave_one_out, by_time"),
        ("amazon_beauty", "source", {"split": "by_time"}, "times that can be compared"),
        (
            "amazon_beauty",
            "source",
            {"item_fields": "brand"},
            r"must be 'all' or among \['attributes'\]. Received: item_fields='brand'",
        ),
    ],
)
def test_wrong_requests(
    beauty_source: pathlib.Path,
    tmp_path: pathlib.Path,
    dataset: str,
    source: str | None,
    options: dict[str, Any],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    folders = {"source": beauty_source, None: None}
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare(
            dataset, folders.get(source, tmp_path / str(source)), tmp_path / "data", **options
        )
    assert not (tmp_path / "data").exists()


@pytest.fixture
def folder(beauty_source: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    data_pipelines.prepare("amazon_beauty", beauty_source, tmp_path / "data", k_core=2)
    return tmp_path / "data"


def test_every_truncated_file_is_noticed(folder: pathlib.Path) -> None:
    for file in sorted(folder.rglob("*.*")):
        data = file.read_bytes()
        file.write_bytes(data[:-3])
        with pytest.raises(DataError, match=r"prepare the data again.*Received: "):
            data_pipelines.load(folder)
        file.unlink()
        with pytest.raises(DataError, match="which is missing|must hold data.json"):
            data_pipelines.load(folder)
        file.write_bytes(data)
    data_pipelines.load(folder).verify()


def test_damaged_rows_are_noticed(folder: pathlib.Path) -> None:
    data = bytearray((folder / "events.records").read_bytes())
    data[100] ^= 1
    (folder / "events.records").write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"Rows 0 to .* are damaged"):
        data_pipelines.load(folder)


def test_a_damaged_folder_is_not_taken_for_prepared(
    folder: pathlib.Path, beauty_source: pathlib.Path
) -> None:
    (folder / "users.json").unlink()
    with pytest.raises(DataError, match="remove it and run the same command again"):
        data_pipelines.prepare("amazon_beauty", beauty_source, folder, k_core=2)


def test_the_spec_of_other_data_is_noticed(folder: pathlib.Path) -> None:
    text = (folder / "spec.json").read_text()
    (folder / "spec.json").write_text(text.replace('"max_length": 15', '"max_length": 16'))
    with pytest.raises(
        DataError, match=r"not the one that was written with the data.*Received: .*spec.json"
    ):
        data_pipelines.load(folder)


@pytest.mark.parametrize("name", ["users.json", "data.json", "spec.json"])
def test_every_character_that_is_changed_is_noticed(folder: pathlib.Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        # A digit becomes another one, and text other text.
        changed[position] ^= 1
        if json_or_none(bytes(changed)) == json.loads(data):
            continue
        (folder / name).write_bytes(bytes(changed))
        with pytest.raises(DataError, match="prepare the data again"):
            data_pipelines.load(folder)


def json_or_none(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def test_another_format(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_pipelines.folder.FORMAT", 2)
    with pytest.raises(DataError, match=r"of format 2: prepare the data again.*format=1"):
        data_pipelines.load(folder)


def test_a_folder_that_is_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="must hold data.json: write one with `amer prepare`"):
        data_pipelines.load(tmp_path)


def test_data_without_names_to_show(folder: pathlib.Path) -> None:
    assert data_pipelines.load(folder).item_names == {}


def test_histories_of_another_length(folder: pathlib.Path) -> None:
    data = data_pipelines.load(folder, max_length=3)
    assert data.spec.max_length == 3
    inputs, _ = data.train.batches(4).element_spec
    assert inputs["history_item_id"].shape == (4, 3)


def test_importing_the_package_leaves_tensorflow_out() -> None:
    code = LIGHT + "assert not {'tensorflow', 'keras', 'pyarrow', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
