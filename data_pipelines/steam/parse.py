"""The published review format of Steam: one Python dict literal a line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from data_pipelines.errors import DataError


def parse_reviews(lines: Iterable[str], place: str) -> Iterator[tuple[str, str, str]]:
    """Reviews as (user, game, date).

    The user is `username`, as in the published protocols, or `user_id` where that is absent.

    Args:
        lines: Lines such as `{'username': 'x', 'product_id': '10', 'date': '2017-12-17', ...}`.
        place: The file's name in messages.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            review = ast.literal_eval(line.strip())
            user = review.get("username") or review["user_id"]
            event = str(user), str(review["product_id"]), str(review["date"])
        except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, MemoryError) as error:
            raise DataError(
                f"{place}, line {number}, must be a Python dict with username or user_id, "
                f"product_id and date: {type(error).__name__} {error}. Received: {line[:80]!r}"
            ) from None
        yield event
