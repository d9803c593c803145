"""The export folder: written beside its place and renamed, or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from amer_tf.export.errors import ExportError

MANIFEST_FILE = "export.json"


def version_folder(folder: pathlib.Path, digest: str) -> pathlib.Path:
    """Where to write: the folder itself, or the next of its numbered versions.

    Args:
        folder: What the user named. It holds versions where it is no export itself and folders in
            it have numbers as names; it is one of them where its own name is a number and another
            export stands in it.
        digest: What tells exports apart: the newest version is taken again where it is this very
            export.
    """
    try:
        if not folder.is_dir():
            return folder
        if (folder / MANIFEST_FILE).exists():
            manifest = _read_manifest(folder)
            if manifest is None or manifest["digest"] == digest or not _is_number(folder):
                return folder
            return version_folder(folder.parent, digest)
        versions = {
            int(path.name): path for path in folder.iterdir() if _is_number(path) and path.is_dir()
        }
    except OSError as error:
        raise ExportError(f"The export folder cannot be read: {error}") from error
    if not versions:
        return folder
    newest = max(versions)
    manifest = _read_manifest(versions[newest])
    if manifest is not None and manifest["digest"] == digest:
        return versions[newest]
    return folder / str(newest + 1)


def _is_number(folder: pathlib.Path) -> bool:
    return folder.name.isascii() and folder.name.isdigit()


def is_exported(target: pathlib.Path, digest: str) -> bool:
    """Whether the target is already this very export, whole.

    Args:
        target: The export folder; it may be absent or empty.
        digest: What tells exports apart.

    Raises:
        ExportError: Where something else stands there, or a damaged export.
    """
    try:
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return False
        manifest = _read_manifest(target)
        if manifest is None or manifest["digest"] != digest:
            raise ExportError(
                "The export folder must be new, empty, or hold this very export from before: "
                "choose another, or remove it. A folder that holds numbered versions gets the next "
                "number. "
                f"Received: folder={str(target)!r}, which holds "
                + ("something else" if manifest is None else "another export")
            )
        damaged = [
            name
            for name, expected in manifest["files"].items()
            if not (target / name).is_file() or _digest(target / name) != expected
        ]
    except OSError as error:
        raise ExportError(f"The export folder cannot be read: {error}") from error
    if damaged:
        raise ExportError(
            f"The export folder holds this export, but damaged: remove it. Received: "
            f"folder={str(target)!r}, in which {damaged} are not as they were written"
        )
    return True


def _read_manifest(target: pathlib.Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((target / MANIFEST_FILE).read_text(encoding="utf-8"))
        return {"digest": manifest["digest"], "files": dict(manifest["files"])}
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextlib.contextmanager
def staged(target: pathlib.Path, digest: str) -> Iterator[pathlib.Path]:
    """A new folder beside the target, which is renamed to it when all has been written.

    What a killed export left behind is removed. The rename is the only thing that ever happens at
    the target, so a process that is killed leaves nothing there.

    Args:
        target: Absent, or an empty folder.
        digest: Recorded with the digests of all files, for `is_exported`.

    Raises:
        ExportError: Where the disk refuses.
    """
    staging = target.with_name(f"{_prefix(target)}{uuid.uuid4().hex[:12]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        staging.mkdir()
        yield staging
        files = sorted(file for file in staging.rglob("*") if file.is_file())
        manifest = {
            "digest": digest,
            "files": {file.relative_to(staging).as_posix(): _digest(file) for file in files},
        }
        (staging / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")
        for path in (*files, staging / MANIFEST_FILE):
            _flush(path)
        if target.is_dir():
            target.rmdir()
        staging.rename(target)
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(
            f"The export folder cannot be written: {error}. Nothing was exported: free the disk "
            "or choose another folder, then run the same command again. "
            f"Received: folder={str(target)!r}"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _prefix(target: pathlib.Path) -> str:
    # A model server looks at folders whose name is a number.
    return f".{target.name}.partial-"


def _remove_leftovers(target: pathlib.Path) -> None:
    for leftover in target.parent.glob(f"{_prefix(target)}*"):
        # Renamed first: an export that still writes there fails instead of losing some files.
        doomed = leftover.with_name(f"{_prefix(target)}{uuid.uuid4().hex[:12]}")
        with contextlib.suppress(FileNotFoundError):
            leftover.rename(doomed)
            shutil.rmtree(doomed)


def _digest(file: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _flush(file: pathlib.Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
