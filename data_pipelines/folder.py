"""The data folder as a whole: written beside its place and renamed when complete."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import zlib
from collections.abc import Iterator
from typing import Any

from data_pipelines.errors import DataError, reading, writing
from data_pipelines.records import VERIFY_BYTES

HEAD_FILE = "data.json"
FORMAT = 1
_LOCK = ".lock"


@contextlib.contextmanager
def replacing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty temporary folder that becomes `folder` when the block ends without an error.

    What a killed process left behind is removed first. A second process at the same folder gets
    an error. `folder` itself must not exist, or be empty.
    """
    temporary = folder.with_name(f".{folder.name}.preparing")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(exist_ok=True)
        lock = (temporary / _LOCK).open("w")
    with lock:
        _take(lock, folder)
        try:
            with writing(temporary):
                for entry in temporary.iterdir():
                    if entry.name != _LOCK:
                        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            yield temporary
            with writing(folder):
                # The lock goes with the folder: were it let go first, another process could start
                # to clear the folder away.
                temporary.replace(folder)
                (folder / _LOCK).unlink()
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _take(lock: Any, folder: pathlib.Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: two processes at one folder are not told apart.
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            "Another process is preparing the same data folder: wait for it or choose another. "
            f"Received: data_dir={str(folder)!r}"
        ) from None
    except OSError as error:
        raise DataError(
            f"The data folder cannot be locked against other processes: {error.strerror or error}; "
            f"choose one on another file system. Received: data_dir={str(folder)!r}"
        ) from error


def write_head(folder: pathlib.Path, head: dict[str, Any]) -> None:
    """Writes what the folder is, with the size of each file and the checksum of all but records.

    Those of encoded rows have checksums of their own.
    """
    head = {"format": FORMAT, **head, "files": {}}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != _LOCK:
            name = file.relative_to(folder).as_posix()
            head["files"][name] = {
                "size": file.stat().st_size,
                "checksum": None if file.suffix == ".records" else zlib.crc32(file.read_bytes()),
            }
    head["checksum"] = _checksum(head)
    with writing(folder):
        text = json.dumps(head, indent=2, ensure_ascii=False) + "\n"
        (folder / HEAD_FILE).write_text(text, encoding="utf-8")


def read_head(folder: pathlib.Path) -> dict[str, Any]:
    """Reads what `write_head` wrote and checks that all files are there and belong together."""
    file = folder / HEAD_FILE
    with reading(file):
        if not file.is_file():
            raise DataError(
                f"A data folder must hold {HEAD_FILE}: write one with `amer prepare`. "
                f"Received: data_dir={str(folder)!r}"
            )
        text = file.read_text(encoding="utf-8")
    try:
        head = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{file} is damaged: prepare the data again. Received: {error}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        found = head.get("format") if isinstance(head, dict) else head
        raise DataError(
            f"This library reads data folders of format {FORMAT}: prepare the data again. "
            f"Received: {file}, format={found!r}"
        )
    if head.get("checksum") != _checksum(head):
        raise DataError(
            f"{file} is damaged: prepare the data again. Received: checksum={head.get('checksum')}"
        )
    for name, known in head["files"].items():
        with reading(folder / name):
            _check_file(folder / name, **known)
    return head


def _checksum(head: dict[str, Any]) -> int:
    rest = {key: value for key, value in head.items() if key != "checksum"}
    return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


def _check_file(file: pathlib.Path, size: int, checksum: int | None) -> None:
    found = file.stat().st_size if file.is_file() else None
    if found != size:
        raise DataError(
            f"A file of a data folder must have {size} bytes: it is cut off or damaged, prepare "
            f"the data again. Received: {file}, "
            + ("which is missing" if found is None else f"{found} bytes")
        )
    if checksum is not None and size <= VERIFY_BYTES and zlib.crc32(file.read_bytes()) != checksum:
        raise DataError(
            "A file of a data folder is not the one that was written with the data: it is damaged "
            f"or of other data, prepare the data again. Received: {file}"
        )
