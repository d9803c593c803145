"""Preparation of labelled examples: encoded rows, one file for each split, and what they share."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec
from data_pipelines import records, splits
from data_pipelines.coding import ValueIndex, Where
from data_pipelines.ctr_places import places_of
from data_pipelines.ctr_sides import POSITION, Sides, item_rows, read_sides
from data_pipelines.dealing import (
    GROUP,
    ITEM_CODE,
    LABEL,
    MOMENT,
    PART,
    count_parts,
    deal_out,
    members,
)
from data_pipelines.errors import DataError, writing
from data_pipelines.field_coding import FieldCoder
from data_pipelines.field_fitting import FieldCounter, IdTables
from data_pipelines.progress import read_with_progress
from data_pipelines.row_layout import RowLayout
from data_pipelines.sources import TIME, Source
from data_pipelines.spool import Spool
from data_pipelines.tables import Table
from data_pipelines.times import TimeReader
from data_pipelines.vocabulary_coding import VocabularyCoder

_log = logging.getLogger(__name__)


def split_file(name: str) -> str:
    """File of the rows of a split."""
    return f"{name}.records"


class _Keys(NamedTuple):
    """What tells users and items apart."""

    users: ValueIndex
    items: ValueIndex


def prepare_ctr_table(
    source: Source, folder: pathlib.Path, scratch: pathlib.Path
) -> dict[str, Any]:
    """Writes everything but the head of the data folder.

    Each table is read once. What is kept in memory are the different values of columns, and the
    rows of users and items.

    Args:
        source: The data set.
        folder: Where the files of the data folder go.
        scratch: An empty folder for files that are not needed afterwards.

    Returns: The counts.
    """
    places = places_of(source)
    coders = {entry.name: VocabularyCoder(entry) for entry in source.spec.vocabularies}
    item_dtype = source.spec.vocabulary(source.item).dtype if source.item else "string"
    keys = _Keys(ValueIndex(source.user_dtype), ValueIndex(item_dtype))
    coder = FieldCoder(source.spec, places.own, coders, source.step_separator)
    times = TimeReader()
    rows, num_left_out = _spool(
        source, coder, keys, times, bool(places.item), scratch / "rows.spool"
    )
    coder.warn_of_unused_separators()
    if isinstance(source.split, splits.ByTime):
        source.split.require_clock_of(times)
    parts = deal_out(source.split, rows, scratch / "parts.spool", _whole(source, keys.users))
    label = f"the column {source.spec.label!r} of {source.events.place}"
    counts = count_parts(rows, parts, label)
    sides = read_sides(source, places, coders, keys.users, keys.items, times, scratch)
    for name in (*num_left_out, *sides.left_out):
        if number := num_left_out.get(name, 0) + sides.left_out.get(name, 0):
            counts[name] = number

    counter = FieldCounter(source.spec, coders)
    for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
        counter.add(places.own, chunk[part == 0])
    if places.has_sides:
        sides.count(counter, rows, parts)
    vocabularies, ids = counter.fit_vocabularies()
    counter.warn_of_constants(places.of_item)
    spec = counter.fitted_spec(vocabularies, places.of_item)
    with writing(folder):
        spec.save(folder)
    _write_examples(spec, rows, parts, sides, ids, folder)
    sides.write(spec, ids, folder)
    counts |= sides.count_joins(rows)
    if spec.group is not None:
        counts["users"] = len(keys.users)
    if places.item:
        counts["items"] = len(keys.items)
    if sides.behaviors is not None:
        lengths = sides.behaviors.lengths
        counts["events"] = int(lengths.sum())
        counts["users_without_events"] = int((lengths == 0).sum())
    return counts


def _write_examples(
    spec: FeatureSpec,
    rows: Spool,
    parts: Spool,
    sides: Sides,
    ids: IdTables,
    folder: pathlib.Path,
) -> None:
    """One file for each split: own fields, and where the rest of an example stands."""
    fields = [spec.field(field.name) for field in sides.places.own]
    layout = RowLayout.of(fields, spec.max_length).with_column(LABEL, "float32")
    if spec.group is not None:
        layout = layout.with_column(GROUP, "int32")
    if sides.places.item:
        layout = layout.with_column(ITEM_CODE, "int32")
    if sides.behaviors is not None:
        layout = layout.with_column(POSITION, "int32")
    for number, name in enumerate(splits.NAMES):
        file = folder / split_file(name)
        with records.RecordWriter(file, layout.width, layout=layout.to_json()) as writer:
            for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
                own = chunk.take(np.flatnonzero(part == number))
                encoded = layout.encode(fields, own, ids)

                def put(column: str, values: npt.NDArray[Any], into: Any = encoded) -> None:
                    into[:, layout.column(column).offset] = values

                put(LABEL, own[LABEL].astype(np.float32).view(np.int32))
                if spec.group is not None:
                    put(GROUP, own[GROUP])
                if sides.places.item:
                    put(ITEM_CODE, item_rows(own[ITEM_CODE]))
                if sides.behaviors is not None:
                    put(POSITION, sides.positions(own))
                writer.append(encoded)


def _spool(
    source: Source,
    coder: FieldCoder,
    keys: _Keys,
    read_times: TimeReader,
    has_items: bool,
    file: pathlib.Path,
) -> tuple[Spool, dict[str, int]]:
    """Reads the examples once and writes codes, labels and what the split needs to a file.

    An example without a user is one of an unknown user, without a history; of one without an item
    nothing is known.

    Returns: The rows; how many bad ones were left out, and how many lack their user or item.
    """
    group = source.spec.group
    own: list[tuple[Any, ...]] = [(LABEL, "<i1"), *coder.dtype(), *members(source.split)]
    if group is not None:
        own.append((GROUP, "<i4"))
    if has_items:
        own.append((ITEM_CODE, "<i4"))
    if source.behaviors is not None and (MOMENT, "<f8") not in own:
        own.append((MOMENT, "<f8"))
    dtype, num_rows, num_skipped = np.dtype(own), 0, 0
    num_without_user = num_without_item = 0
    if MOMENT in dtype.names and not source.has_time:  # type: ignore[operator]
        raise DataError(
            "A split by time needs a time column. "
            f"Received: the data set {source.name!r}, which names none"
        )
    if isinstance(source.split, splits.PerUser) and group is None:
        raise DataError(
            "A split of each user's rows needs a column of users. "
            f"Received: the data set {source.name!r}, which names none"
        )
    if isinstance(source.split, splits.Random) and source.behaviors is not None:
        _log.warning(
            "The split is random, and examples have histories: training rows lie later than test "
            "rows, and what is tested stands in their histories. Choose by_time or per_user."
        )
    with writing(file), file.open("wb") as stream:
        for chunk in read_with_progress(source.events):
            rows = np.zeros(len(chunk), dtype)
            assert source.spec.label is not None
            rows[LABEL] = chunk.encode(source.spec.label, _labels)
            coder.encode(chunk, rows)
            if group is not None:
                rows[GROUP] = chunk.encode(group, keys.users.encode)
                num_without_user += int((rows[GROUP] < 0).sum())
            if has_items:
                assert source.item is not None
                rows[ITEM_CODE] = chunk.encode(source.item, keys.items.encode)
                num_without_item += int((rows[ITEM_CODE] < 0).sum())
            if MOMENT in rows.dtype.names:  # type: ignore[operator]
                rows[MOMENT] = chunk.encode(TIME, read_times)
            if isinstance(source.split, splits.ByColumn):
                rows[PART] = chunk.encode(source.split.column, _named_parts)
            stream.write(rows.tobytes())
            num_rows += len(rows)
            num_skipped += chunk.num_skipped
    if not num_rows:
        raise DataError(
            f"The data set {source.name!r} must have at least one row. "
            f"Received: none in {source.events.place}"
            + (f", {num_skipped} bad rows left out" if num_skipped else "")
        )
    return Spool(file, dtype, num_rows), {
        "skipped_rows": num_skipped,
        "examples_without_user": num_without_user,
        "examples_without_item": num_without_item,
    }


def _whole(source: Source, users: ValueIndex) -> Iterator[splits.UsersAndTimes] | None:
    """Users and times of the rows of which the examples are a share, None where they are whole."""
    if source.whole is None:
        return None

    def read(table: Table, group: str) -> Iterator[splits.UsersAndTimes]:
        read_times = TimeReader()
        for chunk in read_with_progress(table):
            codes, times = chunk.encode(group, users.find), chunk.encode(TIME, read_times)
            yield codes[codes >= 0], times[codes >= 0]

    assert source.spec.group is not None
    return read(source.whole, source.spec.group)


def _labels(values: Sequence[Any], where: Where) -> npt.NDArray[np.int8]:
    known = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
    labels = np.fromiter((known.get(str(value), -1) for value in values), np.int8, len(values))
    labels = np.where([value is True for value in values], 1, labels)
    labels = np.where([value is False for value in values], 0, labels)
    if (labels < 0).any():
        row = int(np.argmax(labels < 0))
        raise DataError(f"{where(row)}, is the label and must be 0 or 1. Received: {values[row]!r}")
    return labels.astype(np.int8)


def _named_parts(values: Sequence[Any], where: Where) -> npt.NDArray[np.int8]:
    known = {name: number for number, name in enumerate(splits.NAMES)}
    parts = np.fromiter((known.get(value, -1) for value in values), np.int8, len(values))
    if (parts < 0).any():
        row = int(np.argmax(parts < 0))
        raise DataError(
            f"{where(row)}, must be one of {', '.join(splits.NAMES)}. Received: {values[row]!r}"
        )
    return parts
