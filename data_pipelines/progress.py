"""Reads a long table ahead of its reader, and says on the log how far it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from data_pipelines.tables import Chunk, Table

SECONDS = 10.0
_Element = TypeVar("_Element")

_log = logging.getLogger(__name__)


def read_with_progress(table: Table) -> Iterator[Chunk]:
    """The chunks of a table; every ten seconds it is said how many rows have been taken in."""
    num_rows, due = 0, time.monotonic() + SECONDS
    for chunk in read_ahead(table.read()):
        yield chunk
        num_rows += len(chunk)
        if time.monotonic() >= due:
            _log.info("Read %s rows, so far up to %s.", f"{num_rows:,}", chunk.place)
            due = time.monotonic() + SECONDS


def read_ahead(stream: Iterator[_Element]) -> Iterator[_Element]:
    """The elements of a stream; the next one is made in a thread while one is worked on."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(next, stream, end)
        while (element := future.result()) is not end:
            future = pool.submit(next, stream, end)
            yield element  # type: ignore[misc]
