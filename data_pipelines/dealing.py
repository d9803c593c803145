"""Deals the rows of a table of labelled examples out to training, validation and test."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines import splits
from data_pipelines.errors import DataError, writing
from data_pipelines.permutation import permute
from data_pipelines.spool import Spool

# Members of a spooled row; a point cannot stand in a field's name.
LABEL, GROUP, ITEM_CODE, PART, MOMENT = ".label", ".group", ".item", ".part", ".time"

_Dealer = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def members(split: splits.Split) -> list[tuple[str, str]]:
    """What of a row must be spooled for it to be dealt out, beside the label and the group."""
    if isinstance(split, (splits.ByTime, splits.PerUser)):
        return [(MOMENT, "<f8")]
    return [(PART, "<i1")] if isinstance(split, splits.ByColumn) else []


def deal_out(
    split: splits.Split,
    rows: Spool,
    file: pathlib.Path,
    whole: Iterable[splits.UsersAndTimes] | None = None,
) -> Spool:
    """Writes for each row whether it trains (0), validates (1) or tests (2).

    Args:
        split: How.
        rows: The rows, with the members that the split needs.
        file: The file to write.
        whole: Chunks of the rows of which these are a random share, for a split that goes by the
            place of a row among those of its user; None: the rows are whole.
    """
    deal = _dealer(split, rows, whole)
    with writing(file), file.open("wb") as stream:
        for chunk in rows.chunks():
            stream.write(deal(chunk).astype(np.int8).tobytes())
    return Spool(file, np.dtype(np.int8), len(rows))


def count_parts(rows: Spool, parts: Spool, label: str) -> dict[str, Any]:
    """Rows and positive rate of each split; refuses one that is empty or of one class.

    Args:
        rows: The rows, with their labels.
        parts: Which split each is in.
        label: Column of the label and its file, for the message.
    """
    sizes, positives = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
        sizes += np.bincount(part, minlength=3)
        positives += np.bincount(part[chunk[LABEL] == 1], minlength=3)
    if positives.sum() in (0, len(rows)):
        raise DataError(
            f"The label must have both values, 0 and 1, and the whole table has one alone: check "
            f"{label}. Received: {len(rows)} rows, all of them {min(int(positives.sum()), 1)}"
        )
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
                f"Received: {size} rows, all of them {min(positive, 1)}; of all {len(rows)} rows "
                f"{int(positives.sum())} are 1"
            )
        counts[f"{name}_examples"] = size
        counts[f"{name}_positive_rate"] = positive / size
    return counts


def _dealer(
    split: splits.Split, rows: Spool, whole: Iterable[splits.UsersAndTimes] | None
) -> _Dealer:
    """A function that deals out the chunks of the rows, which it must be given in their order."""
    if isinstance(split, splits.ByTime):
        moments = split.moments(lambda: (chunk[MOMENT] for chunk in rows.chunks()))
        return lambda chunk: np.searchsorted(moments, chunk[MOMENT], "right")
    if isinstance(split, splits.Random):
        return _random(split, rows)
    if isinstance(split, splits.PerUser):
        own = ((chunk[GROUP], chunk[MOMENT]) for chunk in rows.chunks())
        of_users = split.moments(own if whole is None else whole)
        return lambda chunk: (chunk[MOMENT] >= of_users[:, chunk[GROUP]]).sum(axis=0)
    return lambda chunk: chunk[PART]


def _random(split: splits.Random, rows: Spool) -> _Dealer:
    """Every label is shuffled by itself and cut at the same shares."""
    dealt, totals = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for chunk in rows.chunks():
        totals += np.bincount(chunk[LABEL], minlength=2)
    cuts = np.array([split.train_share, split.validation_share]).cumsum()

    def deal(chunk: npt.NDArray[Any]) -> npt.NDArray[Any]:
        part = np.zeros(len(chunk), np.int64)
        for label in (0, 1):
            own = np.flatnonzero(chunk[LABEL] == label)
            numbers = dealt[label] + np.arange(len(own))
            if len(own):
                place = permute(numbers, int(totals[label]), split.seed, label)
                part[own] = np.searchsorted(np.round(cuts * totals[label]), place, "right")
            dealt[label] += len(own)
        return part

    return deal
