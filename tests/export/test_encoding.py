"""Raw columns to model inputs, by values worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export.columns import Column, check_field_names, check_names, input_columns
from amer_tf.export.encoding import InputEncoder, kept_positions, normalize, take
from amer_tf.export.errors import ExportError
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import Normalization
from tests.export import small_models
from tests.models.ctr_contract import HYBRID
from tests.search import nets

PRESENT = [[True, False, True, True], [False] * 4, [True] * 4, [False, True, False, False]]


@pytest.mark.parametrize(
    ("width", "newest", "expected"),
    [
        (2, True, [[2, 3], [4, 4], [2, 3], [1, 4]]),
        (2, False, [[0, 2], [4, 4], [0, 1], [1, 4]]),
        (5, True, [[0, 2, 3, 4, 4], [4] * 5, [0, 1, 2, 3, 4], [1, 4, 4, 4, 4]]),
    ],
)
def test_kept_positions(width, newest, expected):
    positions = kept_positions(tf.constant(PRESENT), width, newest=newest)
    np.testing.assert_array_equal(positions, expected)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_kept_positions_of_nothing(shape):
    positions = kept_positions(tf.zeros(shape, tf.bool), 2, newest=True)
    assert positions.shape == (shape[0], 2)
    assert (positions.numpy() == shape[1]).all()


def test_take_gives_the_missing_value_behind_the_end():
    values = tf.constant([["a", "b"], ["c", "d"]])
    taken = take(values, tf.constant([[1, 0, 2], [2, 2, 1]]), "")
    assert taken.numpy().tolist() == [[b"b", b"a", b""], [b"", b"", b"d"]]
    sets = take(tf.constant([[[1, 2], [3, 4]]]), tf.constant([[2, 1]]), -1)
    np.testing.assert_array_equal(sets, [[[-1, -1], [3, 4]]])


def test_normalize():
    plain = Normalization(low=10.0, high=30.0, mean=15.0)
    values = tf.constant([10.0, 20.0, 30.0, 5.0, 99.0, math.nan, math.inf, -math.inf])
    expected = [-1.0, 0.0, 1.0, -1.0, 1.0, -0.5, 1.0, -1.0]
    np.testing.assert_allclose(normalize(values, plain), expected, atol=1e-7)
    # log1p(e - 1) = 1 is the middle of [0, 2]; below 0 counts as 0; the mean is a logarithm.
    logarithm = Normalization(low=0.0, high=2.0, mean=1.5, log=True)
    values = tf.constant([math.e - 1, -5.0, math.nan])
    np.testing.assert_allclose(normalize(values, logarithm), [0.0, -1.0, 0.5], atol=1e-7)
    # Large numbers in a small range: float32 arithmetic would be off by .03.
    far = Normalization(low=1.6e9, high=1.6e9 + 4096.0, mean=1.6e9)
    np.testing.assert_allclose(normalize(tf.constant([1.6e9 + 3072.0]), far), [0.5], atol=1e-7)


@pytest.fixture
def encoder(tmp_path):
    spec = small_models.strings().spec
    tables = {entry.name: VocabularyTable(entry, tmp_path) for entry in spec.vocabularies}
    return InputEncoder(spec, input_columns(spec, tables), tables)


def test_encoder(encoder):
    raw = {
        "history_item_id": tf.constant([["1", "", "no such"], ["", "", "été"]]),
        "history_gap": tf.constant([[0.0, 9.0, math.nan], [9.0, 9.0, 1e9]]),
        "history_tags": tf.constant(
            [
                [[-(2**63), 7, -1, 5], [5] * 4, [-(2**63)] * 4],
                [[5] * 4, [5] * 4, [9, -(2**63), -(2**63), 5]],
            ],
            tf.int64,
        ),
        "country": tf.constant(["", ""]),
        "hobbies": tf.constant([["", "tea", "no such", "go"], [""] * 4]),
        "age": tf.constant([50.0, math.nan]),
    }
    inputs = encoder(encoder.complete(raw))
    np.testing.assert_array_equal(inputs["history_item_id"], [[8, 1, 0, 0, 0], [5, 0, 0, 0, 0]])
    # The mean of the logarithms, 2, is normalised to -0.2 in [0, 5].
    np.testing.assert_allclose(
        inputs["history_gap"], [[-1.0, -0.2, 0, 0, 0], [1.0, 0, 0, 0, 0]], atol=1e-7
    )
    padding = [[0, 0]] * 3
    np.testing.assert_array_equal(
        inputs["history_tags"],
        [[[3, 4], [0, 0], *padding], [[1, 2], [0, 0], *padding]],
    )
    np.testing.assert_array_equal(inputs["country"], [1, 1])
    np.testing.assert_array_equal(inputs["hobbies"], [[4, 1], [0, 0]])
    np.testing.assert_allclose(inputs["age"], [0.0, -0.425], atol=1e-7)
    dtypes = {name: value.dtype for name, value in inputs.items()}
    numbers = {"history_gap": tf.float32, "age": tf.float32}
    assert dtypes == {name: numbers.get(name, tf.int32) for name in raw}


def test_a_column_of_several_rows_is_not_stretched(encoder):
    raw = {
        "history_item_id": tf.constant([["1"], ["1"], ["1"]]),
        "history_gap": tf.zeros([0, 0]),
        "history_tags": tf.zeros([3, 0, 4], tf.int64),
        "country": tf.zeros([0], tf.string),
        "hobbies": tf.zeros([0, 0], tf.string),
        "age": tf.constant([20.0]),
    }
    with pytest.raises(tf.errors.InvalidArgumentError, match="'age.* must have as many rows as"):
        encoder.complete(raw)
    raw["age"] = tf.zeros([0])
    whole = encoder.complete(raw)
    assert whole["history_tags"].shape == (3, 1, 4)
    assert (whole["history_tags"].numpy() == -(2**63)).all()
    assert np.isnan(whole["age"]).all()
    assert whole["hobbies"].shape == (3, 0)


def test_names_that_tensorflow_cannot_tell_apart():
    columns = [Column(name, tf.string, ("batch",)) for name in ("age", "Country", "country")]
    with pytest.raises(ExportError, match="upper and lower case.*Received: 'Country' and 'country"):
        check_names(columns)
    with pytest.raises(ExportError, match="upper and lower case.*Received: 'k' and 'K'"):
        check_names([Column("k", tf.int32, None), Column("K", tf.int32, None)])
    with pytest.raises(ExportError, match="upper and lower case.*Received: 'k' and 'k'"):
        check_names([Column("k", tf.int32, None), Column("k", tf.string, ("batch",))])
    with pytest.raises(ExportError, match="Python language cannot name.*Received: 'class'"):
        check_names([Column("class", tf.string, ("batch",))])


@pytest.mark.parametrize(
    ("spec", "old", "new", "message"),
    [
        (HYBRID, "user", "Row_splits", "Received: 'Row_splits' and 'row_splits'"),
        (nets.next_item_spec(), "item_id", "Score", "Received: 'Score' and 'score'"),
        (nets.next_item_spec(), "history_item_id", "K", "Received: 'K' and 'k'"),
    ],
)
def test_fields_named_like_what_stands_beside_them(spec, old, new, message):
    check_field_names(spec)
    pairs = {each: new if each == old else each for each in (field.name for field in spec.fields)}
    fields = tuple(dataclasses.replace(field, name=pairs[field.name]) for field in spec.fields)
    mapping = {pairs[a]: pairs[b] for a, b in spec.target_to_behavior.items()}
    with pytest.raises(ExportError, match=message):
        check_field_names(dataclasses.replace(spec, fields=fields, target_to_behavior=mapping))
