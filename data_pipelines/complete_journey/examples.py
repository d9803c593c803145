"""Purchases as positive examples, and as negative ones what others bought in the same week."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.delimited import read_parquet
from data_pipelines.random_streams import random_integers
from data_pipelines.sampling import is_sampled
from data_pipelines.tables import CHUNK_ROWS, Chunk, Table
from data_pipelines.times import parse_times

LABEL = "bought"
HOUSEHOLD, PRODUCT, STORE = "household_id", "product_id", "store_id"
WEEK, WEEKDAY, HOUR, TIMESTAMP = "week", "weekday", "hour", "transaction_timestamp"
_DAY, _HOUR = 86_400, 3_600
_DRAWN = 12
# What is in the basket makes no negative; so often is another product drawn.
_TRIES = 20


@dataclasses.dataclass(frozen=True)
class Purchases:
    """Columns of purchases, `[purchases]` each.

    Args:
        household: Number of the household.
        product: Number of the product.
        store: Number of the store.
        week: Week of the year, 1 to 53.
        seconds: Seconds since 1970.
    """

    household: npt.NDArray[np.int64]
    product: npt.NDArray[np.int64]
    store: npt.NDArray[np.int64]
    week: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[Any]) -> Purchases:
        """The purchases of these numbers."""
        return Purchases(*(column[rows] for column in vars(self).values()))


def read_purchases(file: pathlib.Path) -> Purchases:
    """Reads all purchases; 40 bytes each."""
    columns = {name: name for name in (HOUSEHOLD, PRODUCT, STORE, WEEK, TIMESTAMP)}
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in columns]
    for chunk in read_parquet(file, columns):
        for part, name in zip(parts, columns, strict=True):
            if name == TIMESTAMP:
                part.append(chunk.encode(name, parse_times))
            else:
                part.append(np.fromiter(chunk.column(name), np.int64, len(chunk)))
    return Purchases(*(np.concatenate(part) for part in parts))


def draw_negatives(
    purchases: Purchases, positives: npt.NDArray[np.int64], negatives: int, seed: int
) -> npt.NDArray[np.int64]:
    """Numbers of purchases of the same week whose products stand for what was not bought.

    A product is drawn as often as it is sold in the week; one that is in the household's basket is
    drawn again. Others that the household bought in that week are not, since the history would tell
    them apart.

    Args:
        purchases: All purchases.
        positives: Numbers of the purchases that get negatives.
        negatives: How many each gets, `N`.
        seed: Seed of the draw.

    Returns: `[positives, N]`; -1 where no other product was found.
    """
    by_week = np.argsort(purchases.week, kind="stable")
    weeks = purchases.week[by_week]
    week = purchases.week[positives]
    first, last = (np.searchsorted(weeks, week, side) for side in ("left", "right"))
    _, products = np.unique(purchases.product, return_inverse=True)
    _, households = np.unique(purchases.household, return_inverse=True)
    _, moments = np.unique(purchases.seconds, return_inverse=True)
    baskets = households.astype(np.int64) * (int(moments.max()) + 1) + moments
    num_products = int(products.max()) + 1
    bought = np.unique(baskets * num_products + products)
    drawn = np.full((len(positives), negatives), -1, np.int64)
    for place in range(negatives):
        left = np.arange(len(positives))
        for attempt in range(_TRIES):
            own = positives[left]
            numbers = random_integers(
                last[left] - first[left], seed, _DRAWN, place * _TRIES + attempt, own
            )
            found = by_week[first[left] + numbers]
            wanted = baskets[own] * num_products + products[found]
            at = np.minimum(np.searchsorted(bought, wanted), len(bought) - 1)
            is_new = bought[at] != wanted
            drawn[left[is_new], place] = found[is_new]
            left = left[~is_new]
            if not len(left):
                break
    return drawn


def examples_table(
    file: pathlib.Path, time: str, *, negatives: int, share: float, seed: int
) -> Table:
    """Labelled examples: each purchase, followed by its negatives, in the order of the file.

    Args:
        file: The Parquet file of the purchases.
        time: Name of the column of seconds.
        negatives: Negatives of each purchase.
        share: Share of the purchases that become examples.
        seed: Seed of that choice and of the negatives.
    """

    def read() -> Iterator[Chunk]:
        purchases = read_purchases(file)
        numbers = np.arange(len(purchases.product))
        positives = numbers[is_sampled(numbers, share, seed)]
        drawn = draw_negatives(purchases, positives, negatives, seed)
        products = np.concatenate([positives[:, None], drawn], axis=1)
        labels = np.zeros(products.shape, np.int64)
        labels[:, 0] = 1
        rows = np.repeat(positives, 1 + negatives)
        found = products.ravel() >= 0
        rows, products, labels = rows[found], products.ravel()[found], labels.ravel()[found]
        for start in range(0, len(rows), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            own = purchases.take(rows[part])
            columns = {
                LABEL: labels[part],
                HOUSEHOLD: own.household,
                PRODUCT: purchases.product[products[part]],
                STORE: own.store,
                WEEK: own.week,
                # 1970 began on a Thursday; Monday is 0.
                WEEKDAY: (own.seconds // _DAY + 3).astype(np.int64) % 7,
                HOUR: (own.seconds % _DAY // _HOUR).astype(np.int64),
                time: own.seconds,
            }
            values = {name: column.tolist() for name, column in columns.items()}
            yield Chunk(file.name, start + 1, values)

    return Table(file.name, read)
