"""Arrow's numbers are Python's, or Python makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow
import pytest

from data_pipelines import DataError
from data_pipelines.arrow_values import ArrowValues
from data_pipelines.coding import numbers

TEXTS = ["1.5", "", None, "nan", "-0.0", "1e3", "2.2250738585072014e-308", "9007199254740993", "07"]


def where(index: int) -> str:
    return f"a.csv, row {index + 1}"


def test_a_sequence() -> None:
    values = ArrowValues(pyarrow.array(["a", None, "", "b"]))
    assert list(values) == ["a", None, "", "b"]
    assert len(values) == 4
    assert (values[0], values[1], values[1:3]) == ("a", None, [None, ""])


def check_numbers(array: Any, expected: list[Any]) -> None:
    found = numbers(ArrowValues(array), where)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, numbers(expected, where))


def test_numbers_of_texts() -> None:
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-500, 500).clip(-9, 9)
    texts = [*TEXTS, *map(repr, values.tolist())]
    array = pyarrow.array(texts)
    assert ArrowValues(array).numbers() is not None
    check_numbers(array, texts)


def test_numbers_of_integers() -> None:
    integers = [3, None, -(2**53)]
    assert ArrowValues(pyarrow.array(integers)).numbers() is not None
    check_numbers(pyarrow.array(integers), integers)


@pytest.mark.parametrize("value", ["1_000", " 7 ", "\u0661"])
def test_what_python_alone_takes_for_a_number(value: str) -> None:
    array = pyarrow.array(["1.5", "", value])
    assert ArrowValues(array).numbers() is None
    check_numbers(array, ["1.5", "", value])


def test_an_integer_that_no_float_is() -> None:
    array = pyarrow.array([1, 2**62 + 1])
    assert ArrowValues(array).numbers() is None
    check_numbers(array, [1, 2**62 + 1])


@pytest.mark.parametrize(
    ("value", "wanted"), [("x", "a number"), ("inf", "a finite number"), ("1e999", "a finite")]
)
def test_what_is_none(value: str, wanted: str) -> None:
    array = pyarrow.array(["1", "", value])
    with pytest.raises(DataError, match=rf"a.csv, row 3, must be {wanted}.*Received: '{value}'"):
        numbers(ArrowValues(array), where)
