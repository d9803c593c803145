"""HR@k, NDCG@k and MRR of one true item among others, with standard errors. NumPy only.

A user is two counts: how many other candidates score higher than the true item (`greater`) and
how many score the same (`ties`). Ties are broken at random and the metric is the exact
expectation over that, so a model with constant scores gets the value of chance, not 1 and not 0.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

_NAME = re.compile(r"(hr|ndcg)@([1-9][0-9]*)|mrr")


class Estimate(NamedTuple):
    """The mean of a metric over users, and the standard error of this mean, None for one user."""

    value: float
    standard_error: float | None


def names(ks: tuple[int, ...]) -> tuple[str, ...]:
    """The metrics that are reported for these cut-offs; NDCG@1 is HR@1 and is left out."""
    ndcg = tuple(f"ndcg@{k}" for k in ks if k > 1)
    return (*(f"hr@{k}" for k in ks), *ndcg, "mrr")


def per_user(name: str, greater: Any, ties: Any) -> Any:
    """The metric of each user, expected over random tie-breaking.

    With 0-based ranks `r` uniform on `greater ... greater + ties`: HR@k is the mean of
    `[r < k]`, NDCG@k of `[r < k] / log2(r + 2)` (there is one relevant item, so the ideal is 1),
    MRR of `1 / (r + 1)`.

    Args:
        name: `"hr@K"`, `"ndcg@K"` or `"mrr"`.
        greater: Integer array of shape `(U,)`.
        ties: Integer array of shape `(U,)`, the true item not counted.

    Returns:
        Float64 array of shape `(U,)`.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"A metric is 'hr@K', 'ndcg@K' or 'mrr', K from 1 on. Received: {name!r}")
    greater, ties = np.asarray(greater, np.int64), np.asarray(ties, np.int64)
    if greater.shape != ties.shape or greater.ndim != 1:
        raise ValueError(
            "`greater` and `ties` must be vectors of one length. "
            f"Received: greater.shape={greater.shape}, ties.shape={ties.shape}"
        )
    first, end = greater, greater + ties + 1
    longest = int(end.max(initial=0))
    cutoff = longest if name == "mrr" else min(int(match[2]), longest)
    ranks = np.arange(cutoff)
    if name == "mrr":
        gains = 1.0 / (ranks + 1)
    else:
        gains = np.ones(cutoff) if match[1] == "hr" else 1.0 / np.log2(ranks + 2)
    summed = np.concatenate([[0.0], np.cumsum(gains)])  # summed[n]: gain of all ranks below n
    return (summed[np.minimum(end, cutoff)] - summed[np.minimum(first, cutoff)]) / (ties + 1)


def metric(name: str, greater: Any, ties: Any, weights: Any = None) -> Estimate:
    """The weighted mean of a metric over users.

    Args:
        name: `"hr@K"`, `"ndcg@K"` or `"mrr"`.
        greater: Integer array of shape `(U,)`.
        ties: Integer array of shape `(U,)`.
        weights: Float array of shape `(U,)`; 0 for rows that pad a batch. None for all 1.
    """
    return estimate(per_user(name, greater, ties), weights)


def estimate(values: Any, weights: Any = None) -> Estimate:
    """Weighted mean of independent values `(U,)` and its standard error.

    `se^2 = n / (n - 1) sum_u w_u^2 (x_u - mean)^2 / (sum_u w_u)^2` over the `n` users of positive
    weight: for equal weights the usual `s / sqrt(n)`. One user has no error: None, which unlike NaN
    JSON can hold.
    """
    values = np.asarray(values, np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, np.float64)
    counted = weights > 0
    if not counted.any():
        raise ValueError(
            f"A metric needs at least one user of positive weight. Received: {values.size} users"
        )
    values, weights = values[counted], weights[counted]
    mean = float(np.average(values, weights=weights))
    if values.size == 1:
        return Estimate(mean, None)
    squares = float(np.sum((weights * (values - mean)) ** 2)) / float(weights.sum()) ** 2
    return Estimate(mean, (squares * values.size / (values.size - 1)) ** 0.5)
