"""How well one score ranks what another one measures: Kendall's tau, and how sure it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

# With four pairs even a perfect order comes about by chance once in twelve times (two-sided), so
# that no tau could be told from 0; with five once in sixty.
LEAST_PAIRS = 5


@dataclasses.dataclass(frozen=True)
class RankCorrelation:
    """Kendall's tau-b over pairs of scores.

    Args:
        tau: 1 where both rank alike, -1 where in reverse, about 0 where one says nothing of the
            other; None where all scores of one kind are the same.
        low: Lower end of the bootstrap interval; None as `tau`.
        high: Its upper end.
        p_value: How often chance alone would give a tau so far from 0; None as `tau`.
        count: Number of pairs.
        level: Coverage of the interval.
    """

    tau: float | None
    low: float | None
    high: float | None
    p_value: float | None
    count: int
    level: float = 0.95

    @property
    def is_sure(self) -> bool:
        """Whether the tau is other than 0 by more than chance, one in twenty."""
        return self.p_value is not None and self.p_value < 0.05


def rank_correlation(
    first: Sequence[float],
    second: Sequence[float],
    *,
    seed: int = 0,
    num_resamples: int = 2000,
    level: float = 0.95,
) -> RankCorrelation:
    """Kendall's tau-b with a percentile bootstrap interval over the pairs.

    The interval is that of resamples with replacement, in which a pair drawn twice is tied with
    itself and counts for nothing. Over few pairs it is rough, and without width where the order is
    perfect: the p value is exact there.

    Args:
        first: One score of each.
        second: The other score of each, in the same order.
        seed: Seed of the resamples.
        num_resamples: How many are drawn.
        level: Coverage of the interval.

    Raises:
        ValueError: Where there are fewer than two pairs, or the scores are not paired.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 1 or one.shape != other.shape or len(one) < 2:
        raise ValueError(
            "`first` and `second` must be equally many scores, two or more. Received: "
            f"first of shape {one.shape}, second of shape {other.shape}"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError(f"Scores must be finite. Received: first={first!r}, second={second!r}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"`level` must be between 0 and 1. Received: level={level}")
    if np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return RankCorrelation(None, None, None, None, len(one), level)
    found = stats.kendalltau(one, other, variant="b")
    counts = np.random.default_rng(seed).multinomial(
        len(one), np.full(len(one), 1.0 / len(one)), size=num_resamples
    )
    taus = taus_of_resamples(one, other, counts)
    low, high = np.quantile(taus[np.isfinite(taus)], [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    # scipy divides by two roots one after another: a perfect order is .9999999999999999.
    tau = round(float(found.statistic), 12)
    return RankCorrelation(tau, float(low), float(high), float(found.pvalue), len(one), level)


def taus_of_resamples(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Tau-b of resamples `(R, n)` of `n` pairs, each given by how often it holds each pair.

    NaN where a resample has no two different scores of one kind.
    """
    signs = [np.sign(scores[:, None] - scores[None, :]) for scores in (first, second)]
    agreeing, untied_first, untied_second = (
        np.einsum("ri,ij,rj->r", counts, matrix, counts, optimize=True)
        for matrix in (signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1]))
    )
    untied = np.sqrt(untied_first * untied_second)
    return np.divide(agreeing, untied, out=np.full(len(counts), np.nan), where=untied > 0.0)
