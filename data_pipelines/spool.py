"""Rows of a structured dtype in a scratch file: written once, walked through again and again."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.errors import reading
from data_pipelines.tables import CHUNK_ROWS


@dataclasses.dataclass(frozen=True)
class Spool:
    """Rows in a file, of which a chunk at a time is in memory.

    A memory map alone would be less code, but every page that was looked at counts as the
    process's own memory until others want it.

    Args:
        file: The file, complete.
        dtype: What a row holds.
        num_rows: How many there are.
    """

    file: pathlib.Path
    dtype: np.dtype[Any]
    num_rows: int

    def __len__(self) -> int:
        return self.num_rows

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """The rows in their order, `CHUNK_ROWS` at a time."""
        with reading(self.file), self.file.open("rb") as stream:
            for _ in range(0, self.num_rows, CHUNK_ROWS):
                yield np.fromfile(stream, self.dtype, CHUNK_ROWS)
