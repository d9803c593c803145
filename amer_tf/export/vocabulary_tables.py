"""Vocabularies inside the graph: raw values to ids, and ids back to raw values."""

from __future__ import annotations

import pathlib
from typing import Any

import tensorflow as tf

from amer_tf.features import NUM_RESERVED_IDS, UNKNOWN_ID, Vocabulary

_DTYPES = {"string": tf.string, "int64": tf.int64}


class VocabularyTable(tf.Module):
    """The ids of one vocabulary, as data preparation gives them.

    Known values stand in a file that becomes an asset of the SavedModel: as a list in the graph a
    million of them would take 22 MB and seconds to load. Sources `"integer"` and `"hash"` are
    arithmetic.

    Args:
        vocabulary: A fitted one, its values listed (source `"file"` is read beforehand).
        folder: Where the file of values is written.
    """

    def __init__(self, vocabulary: Vocabulary, folder: pathlib.Path) -> None:
        super().__init__(name=vocabulary.name)
        self._vocabulary = vocabulary
        self.dtype = _DTYPES[vocabulary.dtype]
        self.missing = missing_value(vocabulary)
        self._ids = self._values = None
        if vocabulary.source == "values":
            file = folder / f"{vocabulary.name}.txt"
            text = "".join(f"{value}\n" for value in vocabulary.values)
            file.write_text(text, encoding="utf-8", newline="\n")
            line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
            size = vocabulary.size
            self._ids = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    str(file), self.dtype, line, tf.int64, number, vocab_size=size
                ),
                default_value=UNKNOWN_ID - NUM_RESERVED_IDS,
            )
            self._values = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    str(file), tf.int64, number, self.dtype, line, vocab_size=size
                ),
                default_value=self.missing,
            )

    def ids(self, values: Any) -> Any:
        """int32 ids of raw values of any shape; unknown and missing ones are `UNKNOWN_ID`."""
        size = self._vocabulary.num_rows - NUM_RESERVED_IDS
        if self._ids is not None:
            positions = self._ids.lookup(values)
        elif self._vocabulary.source == "hash":
            texts = values if self.dtype == tf.string else tf.strings.as_string(values)
            positions = tf.strings.to_hash_bucket_fast(texts, size)
        else:
            inside = (values >= 0) & (values < size)
            positions = tf.where(inside, values, UNKNOWN_ID - NUM_RESERVED_IDS)
        ids = tf.cast(positions, tf.int32) + NUM_RESERVED_IDS
        return tf.where(values == self.missing, UNKNOWN_ID, ids)

    def values(self, ids: Any) -> Any:
        """Raw values of int32 ids; `missing` for padding and unknown ones. Not for `"hash"`."""
        positions = tf.cast(ids, tf.int64) - NUM_RESERVED_IDS
        if self._values is not None:
            return self._values.lookup(positions)
        return tf.where(positions >= 0, positions, self.missing)


def missing_value(vocabulary: Vocabulary) -> str | int:
    """What stands for "no value" in a raw column: "", or -1 unless -1 may be a value itself."""
    if vocabulary.dtype == "string":
        return ""
    if vocabulary.source == "hash" or -1 in vocabulary.values:
        return -(2**63)
    return -1
