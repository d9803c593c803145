"""AUC, log loss, per-user AUC and calibration of binary labels, exact, with standard errors.

NumPy and SciPy only. `keras.metrics.AUC` approximates by thresholds and is off by more than two
architectures differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from amer_tf.training.ranking_metrics import Estimate, estimate
from amer_tf.wording import counted

NUM_BINS = 10


class MetricError(ValueError):
    """Labels and scores of which a metric cannot be computed."""


class CalibrationBin(NamedTuple):
    """The rows whose expected chance falls between two deciles.

    Attributes:
        rows: Number of rows.
        expected: Mean of the chances that the model gives.
        observed: Share of the rows with label 1.
    """

    rows: int
    expected: float
    observed: float


def evaluate_binary(labels: Any, logits: Any, groups: Any = None) -> dict[str, Any]:
    """All metrics of some rows.

    Args:
        labels: `(R,)` of 0 and 1.
        logits: Float array of shape `(R,)`.
        groups: Integers of shape `(R,)` that tell users apart, negative for none; or None.

    Returns:
        Plain numbers: `count`, `positive_rate`, `auc`, `log_loss`, with `groups` also `gauc` and
        `gauc_users`, the users that it is a mean of (None where no user has both labels);
        `calibration`, a list of bins, and `standard_errors` of AUC and log loss.

    Raises:
        MetricError: Where all labels are alike, or a number is not finite.
    """
    labels, logits = _checked(labels, logits)
    area, loss = auc(labels, logits), log_loss(labels, logits)
    result: dict[str, Any] = {
        "count": len(labels),
        "positive_rate": float(labels.mean()),
        "auc": area.value,
        "log_loss": loss.value,
        "standard_errors": {"auc": area.standard_error, "log_loss": loss.standard_error},
    }
    if groups is not None:
        result["gauc"], result["gauc_users"] = gauc(labels, logits, groups)
    result["calibration"] = [bin._asdict() for bin in calibration(labels, logits)]
    return result


def auc(labels: Any, scores: Any) -> Estimate:
    """The chance that a random positive scores higher than a random negative; ties count half.

    The standard error is that of DeLong et al., 1988, by ranks (Sun and Xu, 2014): with `V_i` the
    share of negatives that positive `i` beats and `W_j` the share of positives that beat negative
    `j`, it is `sqrt(Var(V) / m + Var(W) / n)`.

    Args:
        labels: `(R,)` of 0 and 1.
        scores: Float array of shape `(R,)`.
    """
    beaten, beaten_by = _placements(*_checked(labels, scores))
    return Estimate(float(beaten.mean()), _delong_error(beaten, beaten_by))


def auc_gain(labels: Any, scores: Any, baseline: Any) -> Estimate:
    """How much higher the AUC of some scores is than that of others on the same rows.

    The standard error is DeLong's of the difference: both see the same rows, whose own difficulty
    cancels out.

    Args:
        labels: `(R,)` of 0 and 1.
        scores: Float array of shape `(R,)`.
        baseline: Float array of shape `(R,)`.
    """
    return mean_auc_gain(labels, [scores], [baseline])


def mean_auc_gain(labels: Any, scores: Sequence[Any], baselines: Sequence[Any]) -> Estimate:
    """The same of the mean AUC of several scores over that of several others.

    Args:
        labels: `(R,)` of 0 and 1.
        scores: Float arrays of shape `(R,)`, such as those of one model trained with other seeds.
        baselines: Likewise.
    """
    own, others = (
        np.mean([np.concatenate(_placements(*_checked(labels, each))) for each in group], axis=0)
        for group in (scores, baselines)
    )
    beaten, beaten_by = np.split(own - others, [int(np.sum(labels))])
    return Estimate(float(beaten.mean()), _delong_error(beaten, beaten_by))


def _placements(labels: Any, scores: Any) -> tuple[Any, Any]:
    """`V`, the negatives that each positive beats, and `W`, the positives beating each negative."""
    positive = labels == 1
    num_positives = int(positive.sum())
    num_negatives = len(labels) - num_positives
    ranks = stats.rankdata(scores)
    beaten = (ranks[positive] - stats.rankdata(scores[positive])) / num_negatives
    beaten_by = 1.0 - (ranks[~positive] - stats.rankdata(scores[~positive])) / num_positives
    return beaten, beaten_by


def _delong_error(beaten: Any, beaten_by: Any) -> float | None:
    if min(len(beaten), len(beaten_by)) < 2:
        return None
    variance = beaten.var(ddof=1) / len(beaten) + beaten_by.var(ddof=1) / len(beaten_by)
    return float(np.sqrt(variance))


def log_loss(labels: Any, logits: Any) -> Estimate:
    """The mean of `-y log p - (1 - y) log(1 - p)` with `p = sigmoid(logit)` (paper, equation 6)."""
    return estimate(log_losses(*_checked(labels, logits)))


def log_losses(labels: Any, logits: Any) -> Any:
    """The log loss of each row, float64, without a chance of 0 or 1 in between."""
    labels, logits = np.asarray(labels, np.float64), np.asarray(logits, np.float64)
    return np.logaddexp(0.0, logits) - labels * logits


def entropy(labels: Any) -> float:
    """Log loss of the best constant prediction: `-p ln p - (1 - p) ln(1 - p)`, `p` their mean."""
    share = np.asarray(labels, np.float64).mean()
    return float(special.entr(share) + special.entr(1 - share))


def gauc(labels: Any, scores: Any, groups: Any) -> tuple[float | None, int]:
    """The mean AUC of the users that have both labels, weighted by their rows.

    Reference: Zhou et al., "Deep Interest Network", 2018, equation 7.

    Args:
        labels: `(R,)` of 0 and 1.
        scores: Float array of shape `(R,)`.
        groups: Integers of shape `(R,)`; rows with a negative one are left out.

    Returns: The mean, None where no user has both labels, and the number of those users.
    """
    labels, scores = _checked(labels, scores)
    groups = np.asarray(groups)
    if groups.shape != labels.shape:
        raise MetricError(
            "`groups` must have one entry for each row. "
            f"Received: groups.shape={groups.shape}, labels.shape={labels.shape}"
        )
    kept = groups >= 0
    labels, scores, groups = labels[kept], scores[kept], groups[kept]
    _, users = np.unique(groups, return_inverse=True)
    order = np.lexsort((scores, users))
    labels, scores, users = labels[order], scores[order], users[order]
    sizes = np.bincount(users)
    starts = np.cumsum(sizes) - sizes
    # Rows of one user and one score share the mean of their ranks.
    first = np.ones(len(users), bool)
    first[1:] = (users[1:] != users[:-1]) | (scores[1:] != scores[:-1])
    tie = np.cumsum(first) - 1
    places = np.arange(len(users)) - starts[users] + 1.0
    ranks = (np.bincount(tie, places) / np.bincount(tie))[tie]
    positives = np.bincount(users, labels)
    negatives = sizes - positives
    wins = np.bincount(users, ranks * labels) - positives * (positives + 1) / 2
    both = (positives > 0) & (negatives > 0)
    if not both.any():
        return None, 0
    areas = wins[both] / (positives[both] * negatives[both])
    return float(np.average(areas, weights=sizes[both])), int(both.sum())


def calibration(labels: Any, logits: Any, num_bins: int = NUM_BINS) -> list[CalibrationBin]:
    """Expected and observed rate of rows with about the same chance: equally many in each bin."""
    labels, logits = _checked(labels, logits)
    order = np.argsort(logits, kind="stable")
    chances = special.expit(logits)
    return [
        CalibrationBin(len(rows), float(chances[rows].mean()), float(labels[rows].mean()))
        for rows in np.array_split(order, min(num_bins, len(order)))
    ]


def _checked(labels: Any, scores: Any) -> tuple[Any, Any]:
    labels, scores = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise MetricError(
            "Labels and scores must be vectors of one length. "
            f"Received: labels.shape={labels.shape}, scores.shape={scores.shape}"
        )
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise MetricError(f"Labels must be 0 or 1. Received: {wrong[0]}")
    if not np.isfinite(scores).all():
        raise MetricError(
            "Scores must be finite: lower the learning rate, or look for broken values in the "
            f"data. Received: {scores[~np.isfinite(scores)][0]}"
        )
    if labels.sum() in (0, len(labels)):
        raise MetricError(
            "AUC needs rows of both labels. "
            f"Received: {counted(len(labels), 'row')}, {int(labels.sum())} of them with label 1"
        )
    return labels, scores
