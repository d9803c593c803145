"""The one error of this package, and the translation of the operating system's into it."""

from __future__ import annotations

import codecs
import contextlib
import errno
import gzip
import os
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

_ADVICE = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "free some space and run the same command again",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}
_BLOCK_BYTES = 1 << 16


class DataError(ValueError):
    """Data, or a place for data, that cannot be used; the message says where and what to do."""


@contextlib.contextmanager
def writing(place: str | os.PathLike[str]) -> Iterator[None]:
    """Turns a failed write (full disk, read-only folder) into a DataError that names the place."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check the folder and run the same command again")
        raise DataError(
            f"Cannot write the prepared data: {error.strerror or error}; {advice}. "
            f"Received: {os.fspath(place)}"
        ) from error


@contextlib.contextmanager
def reading(place: str | os.PathLike[str]) -> Iterator[None]:
    """Turns a failed read of a file or folder into a DataError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(
            f"A file is missing: check the folder. Received: {os.fspath(place)}"
        ) from error
    except PermissionError as error:
        raise DataError(
            f"A file or folder may not be read: {error.strerror or error}; check its permissions "
            f"and those of the folders above it. Received: {os.fspath(place)}"
        ) from error
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"A file cannot be read: {error}; it may be truncated, fetch it again. "
            f"Received: {os.fspath(place)}"
        ) from error
    except UnicodeDecodeError as error:
        raise wrong_encoding(place, error.encoding, error) from error


def wrong_encoding(place: str | os.PathLike[str], encoding: str, error: Exception) -> DataError:
    """What to say of a file that is not text of its encoding: where, and what to do.

    Args:
        place: The file.
        encoding: The encoding that it was read in.
        error: What was said of it, for the message where the line is not found.
    """
    return DataError(
        f"A file is not text of the expected encoding, {encoding}: "
        f"{_undecodable(pathlib.Path(place), encoding) or error}; save it in that encoding, or "
        "name its own in the description, such as `format: {encoding: latin-1}`. "
        f"Received: {os.fspath(place)}"
    )


def _undecodable(file: pathlib.Path, encoding: str) -> str:
    """The first byte that is not of the encoding, and its line; empty where none is found."""
    opener: Any = gzip.open if file.suffix == ".gz" else open
    line, end = 1, False
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        with opener(file, "rb") as stream:
            while not end:
                block = stream.read(_BLOCK_BYTES)
                end = not block
                line += decoder.decode(block, end).count("\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(error.encoding, "ignore")
        return f"byte {error.object[error.start]:#04x} in line {line + before.count(chr(10))}"
    except (EOFError, LookupError, OSError, zlib.error):
        pass
    return ""


def find_matching(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    """The files that match a pattern such as `events-*.csv`, in the order of their names."""
    with reading(folder):
        if folder.is_dir():
            # A pattern finds nothing, and says nothing, in a folder that may not be listed.
            next(folder.iterdir(), None)
        return sorted(file for file in folder.glob(pattern) if file.is_file())


def require_file(folder: pathlib.Path, *names: str) -> pathlib.Path:
    """The first of these files that the folder holds."""
    with reading(folder):
        for name in names:
            if (folder / name).is_file():
                return folder / name
        if not folder.is_dir():
            raise DataError(f"`source_dir` must be a folder. Received: source_dir={str(folder)!r}")
        found = sorted(entry.name for entry in folder.iterdir())[:20]
    raise DataError(
        f"`source_dir` must hold {' or '.join(names)}. "
        f"Received: source_dir={str(folder)!r}, which holds {found}"
    )
