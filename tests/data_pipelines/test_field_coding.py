from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    Vocabulary,
)
from data_pipelines import DataError
from data_pipelines.field_coding import AnyField, FieldCoder, split_values
from data_pipelines.tables import Chunk
from data_pipelines.vocabulary_coding import VocabularyCoder


def encode(
    field: AnyField, values: list[Any], step_separator: str | None = None, dtype: str = "string"
) -> npt.NDArray[Any]:
    """One field's coded column."""
    vocabularies = () if isinstance(field, NumericField) else (Vocabulary(field.name, dtype=dtype),)
    spec = FeatureSpec(fields=(field,), vocabularies=vocabularies, label="y", max_length=3)
    coders = {entry.name: VocabularyCoder(entry) for entry in vocabularies}
    coder = FieldCoder(spec, [field], coders, step_separator)
    rows = coder.missing(len(values))
    coder.encode(Chunk("a.csv", 11, {field.name: values}), rows)
    return rows[field.name]


def test_categorical() -> None:
    assert encode(CategoricalField("f"), ["a", "b", "", "a"]).tolist() == [0, 1, -1, 0]


def test_a_set_keeps_its_first_values_and_is_padded() -> None:
    field = MultiValuedField("f", max_values=2)
    values = ["a|b|c", "", None, ["b"], ("b", "a"), "a||b", []]
    expected = [[0, 1], [-2, -2], [-2, -2], [1, -2], [1, 0], [0, 1], [-2, -2]]
    assert encode(field, values).tolist() == expected


def test_numeric() -> None:
    np.testing.assert_array_equal(encode(NumericField("f"), ["1", ""]), [1, math.nan])


def test_a_sequence_keeps_its_newest_steps() -> None:
    field = CategoricalField("f", role="behavior")
    expected = [[0, 1, -2], [2, 1, 0], [-2, -2, -2], [1, 0, -2], [0, 1, 0], [-2, -2, -2]]
    # A step that says nothing is none.
    values = ["a,b", "a,c,b,a", "", "b,,a", ["a", None, "b", "a"], ",,"]
    assert encode(field, values, ",").tolist() == expected


def test_a_step_without_the_item_is_none_in_any_field() -> None:
    fields = (
        NumericField("price", role="behavior"),
        CategoricalField("kind", role="behavior"),
        CategoricalField("item", role="behavior"),
        CategoricalField("target", role="target", vocabulary="item"),
    )
    vocabularies = (Vocabulary("kind"), Vocabulary("item"))
    spec = FeatureSpec(
        fields=fields,
        vocabularies=vocabularies,
        target_to_behavior={"target": "item"},
        label="y",
        max_length=3,
    )
    coders = {entry.name: VocabularyCoder(entry) for entry in vocabularies}
    coder = FieldCoder(spec, fields, coders, ",")
    rows = coder.missing(2)
    table = {
        "price": ["1,2,3,4", "5,,7"],
        "kind": ["k,l,m,n", "k,,m"],
        "item": ["a,,b,c", "c,b,"],
        "target": ["a", "b"],
    }
    coder.encode(Chunk("a.csv", 1, table), rows)
    assert rows["item"].tolist() == [[0, 1, 2], [2, 1, -2]]
    assert rows["kind"].tolist() == [[0, 1, 2], [0, -1, -2]]
    np.testing.assert_array_equal(rows["price"], [[1, 3, 4], [5, math.nan, math.inf]])


def test_a_sequence_of_sets() -> None:
    field = MultiValuedField("f", role="behavior", max_values=2, separator=";")
    coded = encode(field, ["a;b,c", [["a"], ["b", "c"]]], ",")
    assert coded.shape == (2, 3, 2)
    assert coded[0].tolist() == [[0, 1], [2, -2], [-2, -2]]
    assert coded[1].tolist() == [[0, -2], [1, 2], [-2, -2]]


def test_a_sequence_of_numbers_is_padded_with_infinity() -> None:
    coded = encode(NumericField("f", role="behavior"), ["1,,3", "2"], ",")
    np.testing.assert_array_equal(coded, [[1, math.nan, 3], [2, math.inf, math.inf]])


def test_behaviour_of_one_row_must_be_of_one_length() -> None:
    fields = (CategoricalField("f", role="behavior"), NumericField("g", role="behavior"))
    vocabulary = Vocabulary("f")
    spec = FeatureSpec(fields=fields, vocabularies=(vocabulary,), label="y")
    coder = FieldCoder(spec, fields, {"f": VocabularyCoder(vocabulary)}, ",")
    chunk = Chunk("a.csv", 1, {"f": ["a", "a,b"], "g": ["1", "1"]})
    with pytest.raises(
        DataError,
        match=r"column 'g', row 2, must have as many steps as 'f', 2. Received: 1 steps",
    ):
        coder.encode(chunk, coder.missing(2))


@pytest.mark.parametrize(
    ("field", "values", "separator"),
    [
        (CategoricalField("f"), ["1", "x"], None),
        (MultiValuedField("f"), ["1|2|3", "4|x"], None),
        (CategoricalField("f", role="behavior"), ["1,2", "3,x"], ","),
        (MultiValuedField("f", role="behavior", separator=";"), ["1;2,3", "4,5;x"], ","),
    ],
)
def test_the_row_of_a_wrong_value_is_named(
    field: AnyField, values: list[str], separator: str | None
) -> None:
    with pytest.raises(
        DataError, match="a.csv, column 'f', row 12, must be an integer. Received: 'x'"
    ):
        encode(field, values, separator, dtype="int64")


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"a.csv lacks the column 'f', .*columns \['g'\]"):
        Chunk("a.csv", 1, {"g": []}).column("f")


def test_bytes_hold_separators_too() -> None:
    assert split_values(b"a;b", ";") == [b"a", b"b"]
    assert split_values(b"a", ";") == [b"a"]
    assert split_values(b"", ";") == []
