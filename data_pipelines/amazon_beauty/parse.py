"""The file formats of Amazon Beauty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from data_pipelines.errors import DataError


def parse_sequences(lines: Iterable[str], place: str) -> Iterator[tuple[int, int]]:
    """Lines `user item item ...`, oldest first, as (user, item) events.

    Args:
        lines: The lines of `Beauty.txt`.
        place: The file's name in messages.
    """
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            user, *items = map(int, words)
        except ValueError:
            raise DataError(
                f"{place}, line {number}, must be integers: user item item ... "
                f"Received: {line[:80]!r}"
            ) from None
        if not items:
            raise DataError(
                f"{place}, line {number}, must name at least one item after the user: it may be "
                f"cut off. Received: {line[:80]!r}"
            )
        for item in items:
            yield user, item


def parse_attributes(text: str, place: str) -> Iterator[tuple[int, list[int]]]:
    """JSON `{"item": [attribute, ...], ...}` as (item, attributes)."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{place} must be JSON: {error}. Received: {text[:60]!r}") from error
    if not isinstance(data, dict):
        raise DataError(f"{place} must be an object of item: [attribute, ...]. Received: {data!r}")
    for item, attributes in data.items():
        if not item.isdecimal() or not isinstance(attributes, list):
            raise DataError(
                f"{place} must map item numbers to lists of attribute numbers. "
                f"Received: {item!r}: {attributes!r}"
            )
        yield int(item), attributes


def parse_reviews(lines: Iterable[str], place: str) -> Iterator[tuple[str, str, int]]:
    """The original reviews, one JSON object a line, as (user, item, seconds since 1970)."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            review = json.loads(line)
            event = str(review["reviewerID"]), str(review["asin"]), int(review["unixReviewTime"])
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{place}, line {number}, must be a JSON object with reviewerID, asin and "
                f"unixReviewTime: {type(error).__name__} {error}. Received: {line[:80]!r}"
            ) from None
        yield event
