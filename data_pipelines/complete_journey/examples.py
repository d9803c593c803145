"""Purchases as positive examples, and as negative ones what else was sold in the week before."""

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
# The stores are in US Eastern time, the moments of the year 2017 in UTC: five hours behind, four
# between these two.
_SUMMER = (1_489_302_000, 1_509_861_600)
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


def local_weekday_and_hour(seconds: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Day of the week, 0 on Mondays, and hour of the day where the stores are.

    Args:
        seconds: Seconds since 1970 of the year 2017, `[purchases]`.
    """
    seconds = np.asarray(seconds, np.float64)
    is_summer = (seconds >= _SUMMER[0]) & (seconds < _SUMMER[1])
    local = seconds - _HOUR * np.where(is_summer, 4, 5)
    # 1970 began on a Thursday.
    weekday = (local // _DAY + 3).astype(np.int64) % 7
    return weekday, (local % _DAY // _HOUR).astype(np.int64)


def draw_negatives(
    purchases: Purchases, positives: npt.NDArray[np.int64], negatives: int, seed: int
) -> npt.NDArray[np.int64]:
    """Numbers of purchases of the week before whose products stand for what was not bought.

    A product is drawn as often as it was sold in the seven days that end with the purchase, so that
    nothing is known of what comes after it, wherever data are cut; one that is in the household's
    basket is drawn again. Others that the household bought in that week are not, since the history
    would tell them apart.

    Args:
        purchases: All purchases.
        positives: Numbers of the purchases that get negatives.
        negatives: How many each gets, `N`.
        seed: Seed of the draw.

    Returns: `[positives, N]`; -1 where no other product was found.
    """
    by_time = np.argsort(purchases.seconds, kind="stable")
    times = purchases.seconds[by_time]
    moment = purchases.seconds[positives]
    first = np.searchsorted(times, moment - 7 * _DAY, "right")
    last = np.searchsorted(times, moment, "right")
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
            found = by_time[first[left] + numbers]
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
            weekday, hour = local_weekday_and_hour(own.seconds)
            columns = {
                LABEL: labels[part],
                HOUSEHOLD: own.household,
                PRODUCT: purchases.product[products[part]],
                STORE: own.store,
                WEEK: own.week,
                WEEKDAY: weekday,
                HOUR: hour,
                time: own.seconds,
            }
            values = {name: column.tolist() for name, column in columns.items()}
            yield Chunk(file.name, start + 1, values)

    return Table(file.name, read)
