"""Events of many users, spooled to disk and sorted into one sequence a user.

Memory grows with the number of users and items, not with that of events: those stand in files
that are mapped into memory and walked through in chunks.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.coding import ValueIndex, are_present
from data_pipelines.errors import DataError, writing
from data_pipelines.field_coding import FieldCoder
from data_pipelines.filters import CHUNK_ROWS, BoolArray
from data_pipelines.progress import read_with_progress
from data_pipelines.sources import ITEM, TIME, USER, Source
from data_pipelines.splits import ByTime
from data_pipelines.tables import Chunk
from data_pipelines.times import TimeReader

# A point cannot stand in a field's name.
USER_CODE, ITEM_CODE, MOMENT = ".user", ".item", ".time"


@dataclasses.dataclass(frozen=True)
class EventLog:
    """Events as a structured array with `USER_CODE`, `ITEM_CODE`, `MOMENT` and their own fields.

    Args:
        rows: The events, mapped from a file.
        users: Raw user ids and their codes.
        items: Raw item ids and their codes.
        num_skipped: Rows of the source that were left out since they could not be read.
        num_without_item: Rows of the source that were left out since they lack the item.
    """

    rows: npt.NDArray[Any]
    users: ValueIndex
    items: ValueIndex
    num_skipped: int = 0
    num_without_item: int = 0

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        for start in range(0, len(self.rows), CHUNK_ROWS):
            yield self.rows[start : start + CHUNK_ROWS]


@dataclasses.dataclass(frozen=True)
class Sequences:
    """Events sorted by user, and by time within a user; ties keep the order of the file.

    Args:
        rows: The events, mapped from a file; user and item renumbered without gaps.
        offsets: int64 `[users + 1]`: where each user's events start.
        users: Raw ids of the users.
        items: Raw ids of the items.
    """

    rows: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]
    users: list[Any]
    items: list[Any]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.diff(self.offsets)

    def times(self) -> Iterator[npt.NDArray[np.float64]]:
        """The moments of all events, a chunk at a time."""
        for start in range(0, len(self.rows), CHUNK_ROWS):
            yield self.rows[start : start + CHUNK_ROWS][MOMENT]

    def count_items(self, num_items: int) -> npt.NDArray[np.int64]:
        """How many events there are of each item: int64 `[items]`; those without one count not."""
        counts = np.zeros(num_items, np.int64)
        for start in range(0, len(self.rows), CHUNK_ROWS):
            codes = self.rows[start : start + CHUNK_ROWS][ITEM_CODE]
            counts += np.bincount(codes[codes >= 0], minlength=num_items)
        return counts

    def user_ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of users that have about a chunk of events together."""
        first, num_users = 0, len(self.users)
        while first < num_users:
            end = np.searchsorted(self.offsets, self.offsets[first] + CHUNK_ROWS, "right") - 1
            last = min(max(int(end), first + 1), num_users)
            yield first, last
            first = last


def spool(source: Source, coder: FieldCoder, folder: pathlib.Path) -> EventLog:
    """Reads all events of a source once and writes their codes to a file of the folder.

    What lacks its item is no event, whatever else it says.

    Raises:
        DataError: Where an event lacks its user, a time is none, or there is no event.
    """
    users, items = ValueIndex(source.user_dtype), ValueIndex(source.spec.vocabulary(ITEM).dtype)
    dtype = np.dtype([(USER_CODE, "<i4"), (ITEM_CODE, "<i4"), (MOMENT, "<f8"), *coder.dtype()])
    file = folder / "events.spool"
    num_rows = num_skipped = num_without_item = 0
    read_times = TimeReader()
    with writing(file), file.open("wb") as stream:
        for whole in read_with_progress(source.events):
            chunk = with_values(whole, ITEM)
            num_without_item += len(whole) - len(chunk)
            rows = np.zeros(len(chunk), dtype)
            rows[USER_CODE] = required_codes(users, chunk, USER)
            rows[ITEM_CODE] = required_codes(items, chunk, ITEM)
            if source.has_time:
                rows[MOMENT] = chunk.encode(TIME, read_times)
            coder.encode(chunk, rows)
            stream.write(rows.tobytes())
            num_rows += len(rows)
            num_skipped += chunk.num_skipped
    if not num_rows:
        raise DataError(
            f"The data set {source.name!r} must have at least one event. "
            f"Received: none in {source.events.place}" + left_out(num_skipped, num_without_item)
        )
    if isinstance(source.split, ByTime):
        source.split.require_clock_of(read_times)
    rows = np.asarray(np.memmap(file, dtype, "r", shape=(num_rows,)))
    return EventLog(rows, users, items, num_skipped, num_without_item)


def with_values(chunk: Chunk, column: str) -> Chunk:
    """Those rows of a chunk that have a value in a column."""
    present = chunk.encode(column, are_present)
    return chunk if present.all() else chunk.take(np.flatnonzero(present))


def left_out(num_skipped: int, num_without_item: int) -> str:
    """Ends a message that there is no event: what was there instead."""
    return (f", {num_skipped} bad rows left out" if num_skipped else "") + (
        f", {num_without_item} rows without an item left out" if num_without_item else ""
    )


def required_codes(index: ValueIndex, chunk: Chunk, column: str) -> npt.NDArray[np.int32]:
    """Codes of a column of keys.

    Raises:
        DataError: Where one is missing.
    """
    codes = chunk.encode(column, index.encode)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise DataError(
            f"{chunk.where(column)(row)}, must not be empty: leave such rows out of the file, or "
            f"check that this is the right column. Received: {chunk.column(column)[row]!r}, in "
            f"{int((codes < 0).sum()):,} of the {len(codes):,} rows that were read with this one"
        )
    return codes


def sort_by_user(
    log: EventLog, kept_users: BoolArray, kept_items: BoolArray, folder: pathlib.Path
) -> Sequences:
    """Sorts the kept events into one sequence a user, in a file of the folder.

    Users and items are renumbered without gaps, in the order of their first appearance.
    """
    user_numbers = (np.cumsum(kept_users) - 1).astype(np.int32)
    item_numbers = (np.cumsum(kept_items) - 1).astype(np.int32)
    num_users = int(kept_users.sum())
    lengths = np.zeros(num_users, np.int64)
    for rows in log.chunks():
        kept = kept_users[rows[USER_CODE]] & kept_items[rows[ITEM_CODE]]
        lengths += np.bincount(user_numbers[rows[USER_CODE][kept]], minlength=num_users)
    offsets = np.concatenate([[0], np.cumsum(lengths)])

    file = folder / "events.sorted"
    with writing(file):
        # Zeros are written out, because a hole that meets a full disk later kills the process.
        with file.open("wb") as stream:
            for start in range(0, int(offsets[-1]), CHUNK_ROWS):
                count = min(CHUNK_ROWS, int(offsets[-1]) - start)
                stream.write(bytes(count * log.rows.dtype.itemsize))
        target = np.asarray(np.memmap(file, log.rows.dtype, "r+", shape=(int(offsets[-1]),)))
    free = offsets[:-1].copy()
    for rows in log.chunks():
        kept_rows = rows[kept_users[rows[USER_CODE]] & kept_items[rows[ITEM_CODE]]]
        kept_rows[USER_CODE] = user_numbers[kept_rows[USER_CODE]]
        kept_rows[ITEM_CODE] = item_numbers[kept_rows[ITEM_CODE]]
        kept_rows = kept_rows[np.argsort(kept_rows[USER_CODE], kind="stable")]
        user = kept_rows[USER_CODE]
        counts = np.bincount(user, minlength=num_users)
        first = np.cumsum(counts) - counts
        target[free[user] + np.arange(len(user)) - first[user]] = kept_rows
        free += counts

    sequences = Sequences(
        target,
        offsets,
        [value for value, kept in zip(log.users.values, kept_users, strict=True) if kept],
        [value for value, kept in zip(log.items.values, kept_items, strict=False) if kept],
    )
    for first_user, last_user in sequences.user_ranges():
        part = slice(int(offsets[first_user]), int(offsets[last_user]))
        rows = target[part]
        target[part] = rows[np.lexsort((rows[MOMENT], rows[USER_CODE]))]
    return sequences
