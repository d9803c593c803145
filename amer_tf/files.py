"""Files that are either whole or not there, whenever the process is killed."""

from __future__ import annotations

import os
import pathlib


def temporary_path(file: pathlib.Path) -> pathlib.Path:
    """Where a file is written until it is whole, with its own suffix.

    A killed process leaves it behind; whose the folder is deletes all `.tmp-*`.
    """
    return file.with_name(f".tmp-{os.getpid()}-{file.name}")


def write_text(file: pathlib.Path, text: str) -> None:
    """Writes a UTF-8 file under another name first and then renames it.

    A full disk or a kill leaves the old file as it was.
    """
    temporary = temporary_path(file)
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
