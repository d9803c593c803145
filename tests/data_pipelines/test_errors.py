"""What the operating system refuses becomes one message that names the place."""

from __future__ import annotations

import errno
import json
import os
import pathlib
from typing import Any

import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.errors import find_matching


@pytest.fixture
def locked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder that may not be entered.

    Permissions do not stop the superuser, as whom tests often run: the answer is made up.
    """
    folder = tmp_path / "locked"
    (folder / "inside").mkdir(parents=True)

    def refuse(name: str, spared: pathlib.Path | None) -> None:
        original = getattr(pathlib.Path, name)

        def call(self: pathlib.Path, *arguments: Any, **options: Any) -> Any:
            if self != spared and (self == folder or folder in self.parents):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
            return original(self, *arguments, **options)

        monkeypatch.setattr(pathlib.Path, name, call)

    refuse("stat", folder)
    for name in ("iterdir", "open", "read_text"):
        refuse(name, None)
    return folder


MESSAGE = "A file or folder may not be read: Permission denied; check its permissions.*{}"


@pytest.mark.parametrize("place", [".", "inside", "inside/data"])
def test_a_data_folder_that_may_not_be_entered(
    beauty_source: pathlib.Path, locked: pathlib.Path, place: str
) -> None:
    with pytest.raises(DataError, match=MESSAGE.format(f"Received: {locked}")):
        data_pipelines.prepare("amazon_beauty", beauty_source, locked / place)
    with pytest.raises(DataError, match=MESSAGE.format("data.json")):
        data_pipelines.load(locked / place)


@pytest.mark.parametrize("dataset", ["amazon_beauty", "movielens_1m", "recbole"])
@pytest.mark.parametrize("place", [".", "inside"])
def test_a_source_folder_that_may_not_be_entered(
    locked: pathlib.Path, tmp_path: pathlib.Path, dataset: str, place: str
) -> None:
    with pytest.raises(DataError, match=MESSAGE.format(f"Received: {locked}")):
        data_pipelines.prepare(dataset, locked / place, tmp_path / "data")


def test_files_of_a_description_that_may_not_be_read(
    locked: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    description = {"task": "ctr", "files": {"events": "*.csv"}, "label": "y", "fields": ["x"]}
    (tmp_path / "a.json").write_text(json.dumps(description))
    with pytest.raises(DataError, match=MESSAGE.format(f"Received: {locked}")):
        data_pipelines.prepare(tmp_path / "a.json", locked, tmp_path / "data")
    with pytest.raises(DataError, match=MESSAGE.format("b.json")):
        data_pipelines.prepare(locked / "b.json", None, tmp_path / "data")


def test_a_pattern_finds_files_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "b.csv").touch()
    (tmp_path / "a.csv").touch()
    (tmp_path / "folder.csv").mkdir()
    assert find_matching(tmp_path, "*.csv") == [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert find_matching(tmp_path / "nowhere", "*.csv") == []
