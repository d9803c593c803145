"""Files that are either whole or not there, whenever the process is killed."""

from __future__ import annotations

import os
import pathlib


def write_text(file: pathlib.Path, text: str) -> None:
    """Writes a UTF-8 file under another name first and then renames it.

    A full disk or a kill leaves the old file as it was.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
