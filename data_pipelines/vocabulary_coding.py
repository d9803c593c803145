"""Codes of the values of one vocabulary, whatever its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS, Vocabulary
from data_pipelines import coding
from data_pipelines.coding import MISSING, ValueIndex, Where, as_utf8, clean_values
from data_pipelines.errors import DataError


class VocabularyCoder:
    """Turns values into codes: ids less the reserved ones, or numbers in the order of appearance.

    The latter for source `"fit"`, whose ids are known only after counting; the codes of the other
    sources are final, with -1 for a value that is missing or outside the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.index = ValueIndex(vocabulary.dtype)
        self._known: dict[Any, int] = {}
        if vocabulary.source in ("hash", "integer") and vocabulary.num_rows > coding.MAX_VALUES:
            raise DataError(
                f"The vocabulary {vocabulary.name!r} must have at most {coding.MAX_VALUES:,} "
                "values, for its table to be held in memory: choose a smaller size. "
                f"Received: size={vocabulary.num_rows - NUM_RESERVED_IDS:,}"
            )
        if vocabulary.source in ("values", "file"):
            self._known = {value: code for code, value in enumerate(vocabulary.read_values())}

    def __len__(self) -> int:
        """Values so far, or those that there can be."""
        if self.vocabulary.source == "fit":
            return len(self.index)
        return self.vocabulary.num_rows - NUM_RESERVED_IDS

    def encode(self, values: Sequence[Any], where: Where) -> npt.NDArray[np.int32]:
        source = self.vocabulary.source
        if source == "fit":
            return self.index.encode(values, where)
        clean = clean_values(values, self.vocabulary.dtype, where)
        if source == "hash":
            with as_utf8(clean, where):
                return hash_values(clean, self.vocabulary.num_rows - NUM_RESERVED_IDS)
        if source == "integer":
            size = self.vocabulary.num_rows - NUM_RESERVED_IDS
            return np.array(
                [value if value is not None and 0 <= value < size else MISSING for value in clean],
                np.int32,
            )
        return np.array([self._known.get(value, MISSING) for value in clean], np.int32)


def require_room(coders: Mapping[str, VocabularyCoder]) -> None:
    """Raises where the vocabularies together have more values than memory holds."""
    sizes = {name: len(coder) for name, coder in coders.items()}
    total = sum(sizes.values())
    if total > coding.MAX_VALUES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise DataError(
            f"The vocabularies must have at most {coding.MAX_VALUES:,} values together, to be held "
            "in memory: hash the largest (source: hash, with a smaller size), or prepare the data "
            f"on a larger machine. Received: {total:,} values, {sizes[largest]:,} of them in "
            f"{largest!r}"
        )


def hash_values(values: Sequence[Any], num_buckets: int) -> npt.NDArray[np.int32]:
    """Buckets of text or integers, -1 where one is None.

    The hash is that of `tf.strings.to_hash_bucket_fast` over the value's text, so that a serving
    graph computes the same.
    """
    import tensorflow as tf

    texts = [b"" if value is None else str(value).encode() for value in values]
    buckets = tf.strings.to_hash_bucket_fast(tf.constant(texts, tf.string), num_buckets).numpy()
    absent = np.fromiter((value is None for value in values), bool, len(values))
    return np.where(absent, MISSING, buckets).astype(np.int32)
