"""Checkpoints: files of named arrays, written and read without a second copy of all."""

from __future__ import annotations

import errno
import pathlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from amer_tf.search.run_error import RunError
from amer_tf.training.variable_blocks import blocks_of, read

# What NumPy and zipfile raise for a file that is not what it was.
_DAMAGES = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
# What says nothing of the file's content.
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE)


def write_arrays(stream: IO[bytes], arrays: Mapping[str, Any]) -> None:
    """Writes arrays and Keras variables by name, as `numpy.savez` does, in blocks of rows."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(value, np.ndarray):
                    np.lib.format.write_array(member, value, allow_pickle=False)
                    continue
                header = {
                    "descr": np.lib.format.dtype_to_descr(np.dtype(value.dtype)),
                    "fortran_order": False,
                    "shape": tuple(value.shape),
                }
                np.lib.format.write_array_header_1_0(member, header)
                for rows in blocks_of(value):
                    member.write(read(value, rows).tobytes())


class StoredArrays(Mapping[str, Any]):
    """The arrays of a file by name, each read from it when it is asked for.

    Args:
        file: The file.

    Raises:
        RunError: Where the file is truncated or damaged; also when an array is asked for.
    """

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        try:
            with np.load(file) as archive:
                self._names = list(archive.files)
        except _DAMAGES as error:
            raise self._damaged(error) from error

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        try:
            with np.load(self._file) as archive:
                return archive[name]
        except _DAMAGES as error:
            raise self._damaged(error) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _damaged(self, error: Exception) -> RunError:
        if isinstance(error, OSError) and error.errno in _NO_ACCESS:
            return RunError(
                f"{self._file} cannot be read: {error}. Mend that and run the same command again."
            )
        return RunError(
            f"{self._file} is truncated or damaged: {error}. Delete it to train this phase again."
        )
