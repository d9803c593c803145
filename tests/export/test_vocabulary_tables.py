"""Raw values to ids and back, for each source of a vocabulary."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export.vocabulary_tables import VocabularyTable, missing_value
from amer_tf.features import Vocabulary
from tests.export.small_models import ITEMS, NUMBERS


@pytest.fixture
def table(tmp_path):
    return lambda vocabulary: VocabularyTable(vocabulary, tmp_path)


def test_texts(table):
    made = table(Vocabulary("item", "values", values=ITEMS))
    asked = [[*ITEMS], ["", "no such", "lead", "tab", "Item 1", "item 1 ", "\n"]]
    ids = made.ids(tf.constant(asked))
    assert ids.dtype == tf.int32
    np.testing.assert_array_equal(ids, [[2, 3, 4, 5, 6, 7, 8], [1] * 7])
    back = made.values(ids)
    assert [value.decode() for value in back[0].numpy()] == list(ITEMS)
    assert set(back[1].numpy()) == {b""}
    assert made.values(tf.constant([0, 9, 2**31 - 1])).numpy().tolist() == [b""] * 3


def test_numbers(table):
    made = table(Vocabulary("item", "values", dtype="int64", values=NUMBERS))
    asked = tf.constant([*NUMBERS, -1, 1, -(2**63)], tf.int64)
    np.testing.assert_array_equal(made.ids(asked), [2, 3, 4, 5, 6, 1, 1, 1])
    np.testing.assert_array_equal(made.values(tf.range(8)), [-1, -1, *NUMBERS, -1])


def test_integers(table):
    made = table(Vocabulary("item", "integer", dtype="int64", size=3))
    asked = tf.constant([[0, 1], [2, 3], [-1, 2**40], [-(2**63), 2**63 - 1]], tf.int64)
    np.testing.assert_array_equal(made.ids(asked), [[2, 3], [4, 1], [1, 1], [1, 1]])
    np.testing.assert_array_equal(made.values(tf.range(5)), [-1, -1, 0, 1, 2])


def test_hashed_texts_and_numbers(table):
    # FarmHash64 of the text, modulo the number of buckets, plus the reserved ids.
    golden = [684, 90, 432, 1]
    texts = table(Vocabulary("a", "hash", size=1000)).ids(tf.constant(["nl", "7", "-1", ""]))
    numbers = table(Vocabulary("b", "hash", dtype="int64", size=1000))
    assert texts.numpy().tolist() == golden
    asked = tf.constant([7, -1, -(2**63)], tf.int64)
    assert numbers.ids(asked).numpy().tolist() == [*golden[1:3], 1]


@pytest.mark.parametrize(
    ("vocabulary", "missing"),
    [
        (Vocabulary("a", "values", values=("x",)), ""),
        (Vocabulary("a", "hash", size=3), ""),
        (Vocabulary("a", "integer", dtype="int64", size=3), -1),
        (Vocabulary("a", "values", dtype="int64", values=(1, 2)), -1),
        # Here -1 may be a value like any other.
        (Vocabulary("a", "values", dtype="int64", values=(1, -1)), -(2**63)),
        (Vocabulary("a", "hash", dtype="int64", size=3), -(2**63)),
    ],
)
def test_missing_value(vocabulary, missing):
    assert missing_value(vocabulary) == missing


def test_a_value_that_is_minus_one(table):
    made = table(Vocabulary("item", "values", dtype="int64", values=(5, -1)))
    np.testing.assert_array_equal(made.ids(tf.constant([-1, -(2**63)], tf.int64)), [3, 1])


def test_long_vocabulary_with_a_thousand_lookups(table):
    values = tuple(f"value {index}" for index in range(20_000))
    made = table(Vocabulary("item", "values", values=values))
    chosen = np.random.default_rng(0).integers(20_000, size=1000)
    ids = made.ids(tf.constant([values[index] for index in chosen]))
    np.testing.assert_array_equal(ids, chosen + 2)
