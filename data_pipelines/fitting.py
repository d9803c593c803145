"""Vocabularies and normalisations from what the training split holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import (
    NUM_RESERVED_IDS,
    PADDING_ID,
    UNKNOWN_ID,
    Normalization,
    Vocabulary,
    counted,
)
from data_pipelines.errors import DataError
from data_pipelines.random_streams import random_bits

# Quantiles are exact up to so many numbers, and those of a random sample beyond.
SAMPLE_SIZE = 1 << 18


def fit_vocabulary(
    vocabulary: Vocabulary,
    values: Sequence[Any],
    counts: npt.NDArray[np.int64],
    *,
    keep_unseen: bool = False,
) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """Chooses the known values: the most frequent first, equally frequent ones as they came.

    Args:
        vocabulary: One of source `"fit"`.
        values: All values, in the order of their codes.
        counts: How often each stands in the training split.
        keep_unseen: Whether `min_count` is ignored: all values are known.

    Returns: The fitted vocabulary, and a look-up table from codes to ids, whose last two entries
        are those of the codes -2 (padding) and -1 (missing, which is unknown).
    """
    order = np.argsort(-counts, kind="stable")
    if not keep_unseen:
        order = order[counts[order] >= vocabulary.min_count]
    order = order[: vocabulary.max_size]
    if not len(order):
        raise DataError(
            f"The vocabulary {vocabulary.name!r} must have at least one value that stands "
            f"{counted(vocabulary.min_count, 'time')} in the training split: check its column, "
            "which may be empty, lower min_count, or leave its fields out. "
            f"Received: {len(values)} different values, none so often"
        )
    known = [values[code] for code in order]
    if vocabulary.dtype == "string":
        for value in known:
            if "\n" in value or "\r" in value:
                raise DataError(
                    f"The values of vocabulary {vocabulary.name!r} must not hold line breaks. "
                    f"Received: {value!r}"
                )
    ids = np.full(len(values) + 2, UNKNOWN_ID, np.int32)
    ids[order] = np.arange(len(order), dtype=np.int32) + NUM_RESERVED_IDS
    ids[-2] = PADDING_ID
    return dataclasses.replace(vocabulary, source="values", values=tuple(known)), ids


def final_ids(vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """The look-up table of a vocabulary whose codes are its ids less the reserved ones."""
    ids = np.arange(vocabulary.num_rows, dtype=np.int32) + NUM_RESERVED_IDS
    ids[-2:] = PADDING_ID, UNKNOWN_ID
    return ids


class NumberSummary:
    """What fitting a normalisation needs to know of a column, gathered chunk by chunk."""

    def __init__(self, normalization: Normalization) -> None:
        self._wanted = normalization
        self._count = 0
        self._total = 0.0
        self._bounds: list[float] = []
        self._sample = np.zeros(0, np.float64)
        self._keys = np.zeros(0, np.uint64)

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Takes in numbers of the training split; missing ones and padding are left out."""
        numbers = values[np.isfinite(values)]
        if not len(numbers):
            return
        if self._wanted.log:
            numbers = np.log1p(np.maximum(numbers, 0.0))
        self._total += float(numbers.sum())
        self._bounds = [
            min([*self._bounds[:1], float(numbers.min())]),
            max([*self._bounds[1:], float(numbers.max())]),
        ]
        if self._wanted.quantile > 0:
            # The numbers with the smallest random keys are a fair sample of any size.
            keys = random_bits(np.arange(self._count, self._count + len(numbers)))
            keys = np.concatenate([self._keys, keys])
            sample = np.concatenate([self._sample, numbers])
            order = np.argsort(keys, kind="stable")[:SAMPLE_SIZE]
            self._keys, self._sample = keys[order], sample[order]
        self._count += len(numbers)

    @property
    def is_constant(self) -> bool:
        """Whether all numbers so far are the same."""
        return bool(self._bounds) and self._bounds[0] == self._bounds[1]

    def normalization(self, field: str) -> Normalization:
        """The fitted normalisation; one that came with its numbers stays."""
        if self._wanted.low is not None:
            return self._wanted
        if not self._count:
            raise DataError(
                f"The numeric field {field!r} must have a number in the training split: "
                "check its column, or leave the field out. Received: none"
            )
        low, high = self._bounds
        if self._wanted.quantile > 0:
            quantile = self._wanted.quantile
            low, high = (float(q) for q in np.quantile(self._sample, [quantile, 1 - quantile]))
        if not low < high:
            # A constant column becomes the middle of the range, which must not vanish in rounding.
            margin = max(0.5, 2 * float(np.spacing(abs(low))))
            low, high = low - margin, low + margin
        return dataclasses.replace(self._wanted, low=low, high=high, mean=self._total / self._count)
