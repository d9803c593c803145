"""A random share of a table's rows, the same in every pass over it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from data_pipelines.errors import DataError
from data_pipelines.random_streams import random_fractions
from data_pipelines.tables import Chunk, Table

_SAMPLED = 11


def sampled(table: Table, share: float, seed: int) -> Table:
    """The table with each row in it by this chance; rows keep their numbers."""
    if share == 1:
        return table

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            yield chunk.take(np.flatnonzero(is_sampled(chunk.row_numbers(), share, seed)))

    return dataclasses.replace(table, read=read)


def is_sampled(numbers: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows, by their numbers, belong to the share."""
    return random_fractions(seed, _SAMPLED, numbers) < share


def require_share(share: float) -> None:
    """Raises where the option `share` is no share of rows."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise DataError(f"`share` must be more than 0 and at most 1. Received: share={share!r}")
