"""How much better one system is than another, example by example and over the seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from amer_tf.training.binary_metrics import log_losses, mean_auc_gain
from amer_tf.training.ranking_metrics import Estimate, estimate, per_user

_SMALLEST = 1e-9


class Difference(NamedTuple):
    """How much better a system is than another on the same examples.

    Attributes:
        value: The mean difference; positive where the system is better.
        error: Its standard error: that over the examples, of scores that are averaged over the
            seeds, and that over the seeds, `sqrt(examples^2 + seeds^2)`. None of one example; of
            one seed it has no part that is due to the seed.
        p_value: The chance of a difference as large, either way, between systems that are equally
            good, by Student's distribution with the degrees of freedom of Welch and Satterthwaite:
            few where the seeds' part is the larger. None where the error is not known.
    """

    value: float
    error: float | None
    p_value: float | None


def chance_text(p_value: float) -> str:
    """A p value as people read it: `0.021`, `3e-07`, `< 1e-9`."""
    # Further out in its tails no distribution is known so well.
    return f"{p_value:.2g}" if p_value >= _SMALLEST else "< 1e-9"


def ranking_difference(
    metric: str,
    own: Sequence[dict[str, Any]],
    other: Sequence[dict[str, Any]],
    mode: str,
) -> Difference:
    """Of a metric of task next_item, paired by user.

    Args:
        metric: Such as `ndcg@5`.
        own: What `measuring.measure` gave for each seed of the system.
        other: Likewise of the other system.
        mode: Mode of the candidates.
    """

    def values(arrays: dict[str, Any]) -> Any:
        return per_user(metric, arrays[f"{mode}.greater"], arrays[f"{mode}.ties"])

    return _paired([values(each) for each in own], [values(each) for each in other])


def loss_difference(own: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> Difference:
    """Of the log loss of task ctr, paired by row; positive where the system's is lower."""
    losses = [
        [-log_losses(each["labels"], each["logits"]) for each in group] for group in (own, other)
    ]
    return _paired(*losses)


def auc_difference(own: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> Difference:
    """Of the AUC of task ctr, by DeLong's method for scores of the same rows."""
    labels = own[0]["labels"]
    logits = [[each["logits"] for each in group] for group in (own, other)]
    gain = mean_auc_gain(labels, *logits)
    areas = [[mean_auc_gain(labels, [one], [np.zeros_like(one)]).value for one in group]
             for group in logits]  # fmt: skip
    return _with_seeds(gain, len(labels), *areas)


def _paired(own: Sequence[Any], other: Sequence[Any]) -> Difference:
    rows = estimate(np.mean(own, axis=0) - np.mean(other, axis=0))
    means = ([float(each.mean()) for each in group] for group in (own, other))
    return _with_seeds(rows, len(own[0]), *means)


def _with_seeds(
    rows: Estimate, num_rows: int, own: Sequence[float], other: Sequence[float]
) -> Difference:
    if rows.standard_error is None:
        return Difference(rows.value, None, None)
    groups = [each for each in (own, other) if len(each) > 1]
    variances = np.array(
        [rows.standard_error**2, *(np.var(each, ddof=1) / len(each) for each in groups)]
    )
    freedom = np.array([num_rows - 1, *(len(each) - 1 for each in groups)])
    total = float(variances.sum())
    if total == 0.0:
        return Difference(rows.value, 0.0, 1.0 if rows.value == 0.0 else 0.0)
    error = math.sqrt(total)
    p_value = 2.0 * stats.t.sf(abs(rows.value) / error, total**2 / np.sum(variances**2 / freedom))
    return Difference(rows.value, error, float(p_value))
