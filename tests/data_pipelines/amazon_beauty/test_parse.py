from __future__ import annotations

import json
from typing import Any

import pytest

from data_pipelines import DataError
from data_pipelines.amazon_beauty.parse import parse_attributes, parse_reviews, parse_sequences


def test_sequences() -> None:
    lines = ["1 5 3 5\n", "\n", "2 7\n"]
    assert list(parse_sequences(lines, "x")) == [(1, 5), (1, 3), (1, 5), (2, 7)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 x", "Beauty.txt, line 2, must be integers: user item item .* Received: '1 2 x'"),
        ("1 2.5", "Beauty.txt, line 2, must be integers"),
        ("1", "Beauty.txt, line 2, must name at least one item .*cut off. Received: '1'"),
    ],
)
def test_wrong_sequences(line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(parse_sequences(["1 2", line], "Beauty.txt"))


def test_attributes() -> None:
    assert list(parse_attributes('{"4": [1, 2], "7": []}', "x")) == [(4, [1, 2]), (7, [])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"4": [1', "a.json must be JSON: .* Received: "),
        ("[1]", r"a.json must be an object of item: \[attribute, ...\]. Received: \[1\]"),
        ('{"x": [1]}', r"must map item numbers to lists .* Received: 'x': \[1\]"),
        ('{"4": 1}', "must map item numbers to lists .* Received: '4': 1"),
    ],
)
def test_wrong_attributes(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(parse_attributes(text, "a.json"))


def test_reviews() -> None:
    review = {"reviewerID": "A1", "asin": "B000", "unixReviewTime": 1369699200, "overall": 5.0}
    assert list(parse_reviews([json.dumps(review) + "\n", "\n"], "x")) == [
        ("A1", "B000", 1369699200)
    ]


@pytest.mark.parametrize(
    "review",
    [
        '{"reviewerID": "A1", "asin": "B',
        '{"reviewerID": "A1", "asin": "B000"}',
        '{"reviewerID": "A1", "asin": "B000", "unixReviewTime": "soon"}',
        "5",
    ],
)
def test_wrong_reviews(review: Any) -> None:
    with pytest.raises(
        DataError, match="r.json, line 1, must be a JSON object with reviewerID, asin and unixRevi"
    ):
        list(parse_reviews([review], "r.json"))
