"""Encoded rows of a fixed size on disk: written as a stream, read back through a memory map.

A file is a preamble of 64 bytes, the rows as raw little-endian bytes, one CRC-32 for each block of
rows, and the layout of a row as JSON:

    preamble | row 0 | row 1 | ... | crc of block 0 | crc of block 1 | ... | layout

It is written under a temporary name and renamed when complete, so that a file that bears its name
is whole. Its size and preamble are checked whenever it is opened, the blocks of small files too.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import struct
import zlib
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from data_pipelines.errors import DataError, reading, writing

MAGIC = b"AMERROWS"
VERSION = 1
BLOCK_ROWS = 4096
# Checking this much costs some tens of milliseconds.
VERIFY_BYTES = 64 * 2**20
DTYPES = ("int32", "int64")

# magic, version, dtype, row width, rows in a block, number of rows, bytes of layout,
# crc of the block checksums and the layout, crc of the preamble itself
_PREAMBLE = struct.Struct("<8sIIIIQQII16x")


class RecordWriter:
    """Writes rows to a file, keeping none of them in memory.

    Args:
        file: Where the file stands once it is complete.
        width: Numbers in a row.
        dtype: `"int32"` or `"int64"`.
        layout: What the columns are, as plain JSON; kept with the rows.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        width: int,
        dtype: str = "int32",
        layout: Any = None,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        if width < 1 or block_rows < 1 or dtype not in DTYPES:
            raise ValueError(
                f"`width` and `block_rows` must be at least 1 and `dtype` one of {DTYPES}. "
                f"Received: width={width}, block_rows={block_rows}, dtype={dtype!r}"
            )
        self.file = pathlib.Path(file)
        self.num_rows = 0
        self._width = width
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._block_rows = block_rows
        self._layout = json.dumps(layout, sort_keys=True).encode()
        self._checksums: list[int] = []
        self._checksum = 0
        self._temporary = self.file.with_name(f".{self.file.name}.writing")
        with writing(self.file):
            self._stream: BinaryIO = self._temporary.open("wb")
            self._stream.write(bytes(_PREAMBLE.size))

    def append(self, rows: npt.ArrayLike) -> None:
        """Adds rows of shape `(rows, width)`."""
        array = np.ascontiguousarray(rows, dtype=self._dtype)
        if array.ndim != 2 or array.shape[1] != self._width:
            raise ValueError(
                f"`rows` must have shape (rows, {self._width}). Received: shape={array.shape}"
            )
        start = 0
        while start < len(array):
            room = self._block_rows - self.num_rows % self._block_rows
            part = array[start : start + room]
            with writing(self.file):
                self._stream.write(part.data)
            self._checksum = zlib.crc32(part.data, self._checksum)
            self.num_rows += len(part)
            start += len(part)
            if self.num_rows % self._block_rows == 0:
                self._end_block()

    def _end_block(self) -> None:
        self._checksums.append(self._checksum)
        self._checksum = 0

    def close(self) -> None:
        """Completes the file and gives it its name."""
        if self.num_rows % self._block_rows:
            self._end_block()
        tail = np.array(self._checksums, "<u4").tobytes() + self._layout
        fields = (
            MAGIC,
            VERSION,
            DTYPES.index(self._dtype.name),
            self._width,
            self._block_rows,
            self.num_rows,
            len(self._layout),
            zlib.crc32(tail),
        )
        own_checksum = zlib.crc32(_PREAMBLE.pack(*fields, 0))
        with writing(self.file):
            self._stream.write(tail)
            self._stream.seek(0)
            self._stream.write(_PREAMBLE.pack(*fields, own_checksum))
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._temporary.replace(self.file)

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.close()
        finally:
            # Closing flushes what is buffered, which a full disk refuses a second time.
            try:
                self._stream.close()
            except OSError:
                if error is None:
                    raise
            finally:
                self._temporary.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class Records:
    """The rows of a file that `RecordWriter` wrote.

    Args:
        file: The file.
        rows: Array of shape `(rows, width)`, mapped into memory and read-only.
        layout: What the columns are.
    """

    file: pathlib.Path
    rows: npt.NDArray[Any]
    layout: Any
    block_rows: int
    checksums: npt.NDArray[np.uint32]

    def verify(self) -> None:
        """Compares every block with its checksum."""
        for block, checksum in enumerate(self.checksums):
            first = block * self.block_rows
            part = np.ascontiguousarray(self.rows[first : first + self.block_rows])
            if zlib.crc32(part.data) != int(checksum):
                raise DataError(
                    f"Rows {first} to {first + len(part) - 1} are damaged: prepare the data again. "
                    f"Received: {self.file}"
                )


def write(file: str | os.PathLike[str], rows: npt.NDArray[Any], layout: Any = None) -> None:
    """Writes rows of shape `(rows, width)` in one go."""
    with RecordWriter(file, rows.shape[1], rows.dtype.name, layout) as writer:
        writer.append(rows)


def load(file: str | os.PathLike[str]) -> Records:
    """Opens a file and checks that it is whole.

    Raises:
        DataError: Where the file is missing, truncated, or damaged.
    """
    file = pathlib.Path(file)
    with reading(file), file.open("rb") as stream:
        preamble = stream.read(_PREAMBLE.size)
        size = os.fstat(stream.fileno()).st_size
        if len(preamble) < _PREAMBLE.size or preamble[: len(MAGIC)] != MAGIC:
            raise DataError(
                "A file of encoded rows is cut off or is something else: prepare the data again. "
                f"Received: {file}, {size} bytes"
            )
        fields = _PREAMBLE.unpack(preamble)
        checksum = zlib.crc32(_PREAMBLE.pack(*fields[:-1], 0))
        if preamble != _PREAMBLE.pack(*fields[:-1], checksum):
            raise DataError(
                f"The head of a file of encoded rows is damaged: prepare the data again. "
                f"Received: {file}"
            )
        _, version, dtype_code, width, block_rows, num_rows, layout_size, tail_checksum, _ = fields
        if version != VERSION:
            raise DataError(
                f"This library reads encoded rows of version {VERSION}: prepare the data again. "
                f"Received: {file}, version={version}"
            )
        dtype = np.dtype(DTYPES[dtype_code]).newbyteorder("<")
        num_blocks = -(-num_rows // block_rows)
        tail_start = _PREAMBLE.size + num_rows * width * dtype.itemsize
        expected = tail_start + 4 * num_blocks + layout_size
        if size != expected:
            raise DataError(
                f"A file of encoded rows must have {expected} bytes: it is cut off or damaged, "
                f"prepare the data again. Received: {file}, {size} bytes"
            )
        stream.seek(tail_start)
        tail = stream.read()
    if zlib.crc32(tail) != tail_checksum:
        raise DataError(
            f"The checksums of a file of encoded rows are damaged: prepare the data again. "
            f"Received: {file}"
        )
    shape = (num_rows, width)
    rows: npt.NDArray[Any] = np.zeros((0, width), dtype)
    if num_rows:
        # A plain array over the map: slicing the memmap class itself is several times slower.
        rows = np.asarray(np.memmap(file, dtype, "r", _PREAMBLE.size, shape))
    records = Records(
        file,
        rows,
        json.loads(tail[4 * num_blocks :]),
        block_rows,
        np.frombuffer(tail, "<u4", num_blocks),
    )
    if rows.nbytes <= VERIFY_BYTES:
        records.verify()
    return records
