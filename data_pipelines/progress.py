"""Says on the log how far the reading of a long table is."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from data_pipelines.tables import Chunk, Table

SECONDS = 10.0

_log = logging.getLogger(__name__)


def read_with_progress(table: Table) -> Iterator[Chunk]:
    """The chunks of a table; every ten seconds it is said how many rows have been taken in."""
    num_rows, due = 0, time.monotonic() + SECONDS
    for chunk in table.read():
        yield chunk
        num_rows += len(chunk)
        if time.monotonic() >= due:
            _log.info("Read %s rows, so far up to %s.", f"{num_rows:,}", chunk.place)
            due = time.monotonic() + SECONDS
