"""Preparation of a table of labelled examples: flat encoded rows, one file for each split."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines import records, splits
from data_pipelines.coding import ValueIndex, Where
from data_pipelines.errors import DataError, writing
from data_pipelines.field_coding import FieldCoder
from data_pipelines.field_fitting import FieldCounter
from data_pipelines.permutation import permute
from data_pipelines.progress import read_with_progress
from data_pipelines.row_layout import RowLayout
from data_pipelines.sources import TIME, Source
from data_pipelines.spool import Spool
from data_pipelines.times import parse_times
from data_pipelines.vocabulary_coding import VocabularyCoder

# A point cannot stand in a field's name.
LABEL, GROUP, PART, MOMENT = ".label", ".group", ".part", ".time"


def split_file(name: str) -> str:
    """File of the rows of a split."""
    return f"{name}.records"


def prepare_ctr_table(
    source: Source, folder: pathlib.Path, scratch: pathlib.Path
) -> dict[str, Any]:
    """Writes everything but the head of the data folder.

    The source is read once. What is kept in memory are the different values of its columns.

    Args:
        source: The data set.
        folder: Where the files of the data folder go.
        scratch: An empty folder for files that are not needed afterwards.

    Returns: The counts.
    """
    coders = {entry.name: VocabularyCoder(entry) for entry in source.spec.vocabularies}
    groups = ValueIndex(source.user_dtype)
    coder = FieldCoder(source.spec, source.spec.fields, coders, source.step_separator)
    rows, num_skipped = _spool(source, coder, groups, scratch / "rows.spool")
    coder.warn_of_unused_separators()
    parts = _deal_out(source, rows, scratch / "parts.spool")
    counts = _count_parts(rows, parts)
    if num_skipped:
        counts["skipped_rows"] = num_skipped

    counter = FieldCounter(source.spec, coders)
    for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
        counter.add(source.spec.fields, chunk[part == 0])
    vocabularies, ids = counter.fit_vocabularies()
    counter.warn_of_constants()
    spec = counter.fitted_spec(vocabularies)
    with writing(folder):
        spec.save(folder)

    layout = RowLayout.of(spec.fields, spec.max_length).with_column(LABEL, "float32")
    if spec.group is not None:
        layout = layout.with_column(GROUP, "int32")
    for number, name in enumerate(splits.NAMES):
        file = folder / split_file(name)
        with records.RecordWriter(file, layout.width, layout=layout.to_json()) as writer:
            for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
                own = chunk.take(np.flatnonzero(part == number))
                encoded = layout.encode(spec.fields, own, ids)
                label = layout.column(LABEL).offset
                encoded[:, label] = own[LABEL].astype(np.float32).view(np.int32)
                if spec.group is not None:
                    encoded[:, layout.column(GROUP).offset] = own[GROUP]
                writer.append(encoded)
    if spec.group is not None:
        counts["users"] = len(groups)
    return counts


def _spool(
    source: Source, coder: FieldCoder, groups: ValueIndex, file: pathlib.Path
) -> tuple[Spool, int]:
    """Reads the source once and writes codes, labels and what the split needs to a file.

    Returns: The rows, and how many bad ones were left out.
    """
    group = source.spec.group
    members: list[tuple[Any, ...]] = [(LABEL, "<i1"), *coder.dtype()]
    if group is not None:
        members.append((GROUP, "<i4"))
    if isinstance(source.split, splits.ByTime):
        members.append((MOMENT, "<f8"))
    if isinstance(source.split, splits.ByColumn):
        members.append((PART, "<i1"))
    dtype, num_rows, num_skipped = np.dtype(members), 0, 0
    with writing(file), file.open("wb") as stream:
        for chunk in read_with_progress(source.events):
            rows = np.zeros(len(chunk), dtype)
            assert source.spec.label is not None
            rows[LABEL] = chunk.encode(source.spec.label, _labels)
            coder.encode(chunk, rows)
            if group is not None:
                rows[GROUP] = chunk.encode(group, groups.encode)
            if isinstance(source.split, splits.ByTime):
                if not source.has_time:
                    raise DataError(
                        "A split by time needs a time column. "
                        f"Received: the data set {source.name!r}, which names none"
                    )
                rows[MOMENT] = chunk.encode(TIME, parse_times)
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
    return Spool(file, dtype, num_rows), num_skipped


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


def _deal_out(source: Source, rows: Spool, file: pathlib.Path) -> Spool:
    """Writes for each row whether it trains (0), validates (1) or tests (2)."""
    split = source.split
    dealt = np.zeros(2, np.int64)
    totals = np.zeros(2, np.int64)
    for chunk in rows.chunks():
        totals += np.bincount(chunk[LABEL], minlength=2)
    moments = (0.0, 0.0)
    if isinstance(split, splits.ByTime):
        moments = split.moments(lambda: (chunk[MOMENT] for chunk in rows.chunks()))
    with writing(file), file.open("wb") as stream:
        for chunk in rows.chunks():
            if isinstance(split, splits.ByTime):
                part = np.searchsorted(moments, chunk[MOMENT], "right")
            elif isinstance(split, splits.Random):
                part = np.zeros(len(chunk), np.int64)
                for label in (0, 1):
                    own = np.flatnonzero(chunk[LABEL] == label)
                    # Every label is shuffled by itself and cut at the same shares.
                    numbers = dealt[label] + np.arange(len(own))
                    if len(own):
                        place = permute(numbers, int(totals[label]), split.seed, label)
                        cuts = np.array([split.train_share, split.validation_share]).cumsum()
                        part[own] = np.searchsorted(np.round(cuts * totals[label]), place, "right")
                    dealt[label] += len(own)
            else:
                part = chunk[PART]
            stream.write(part.astype(np.int8).tobytes())
    return Spool(file, np.dtype(np.int8), len(rows))


def _count_parts(rows: Spool, parts: Spool) -> dict[str, Any]:
    """Rows and positive rate of each split; refuses one that is empty or of one class."""
    sizes, positives = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
        sizes += np.bincount(part, minlength=3)
        positives += np.bincount(part[chunk[LABEL] == 1], minlength=3)
    counts: dict[str, Any] = {"rows": len(rows)}
    for name, size, positive in zip(splits.NAMES, sizes.tolist(), positives.tolist(), strict=True):
        if not size:
            raise DataError(
                f"The {name} split must have at least one row: check the split. "
                f"Received: none, of {len(rows)} rows"
            )
        if positive in (0, size):
            raise DataError(
                f"The {name} split must have both labels, 0 and 1: check "
                "the label's column, or split at random. "
                f"Received: {size} rows, all of them {min(positive, 1)}"
            )
        counts[f"{name}_examples"] = size
        counts[f"{name}_positive_rate"] = positive / size
    return counts
