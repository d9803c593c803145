"""Kendall's tau against values worked out by hand, and its interval against scipy's taus."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from amer_tf.search.rank_correlation import (
    LEAST_PAIRS,
    RankCorrelation,
    rank_correlation,
    taus_of_resamples,
)


@pytest.mark.parametrize(
    ("first", "second", "tau"),
    [
        ([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5], 1.0),
        ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], -1.0),
        # One of ten pairs the wrong way round: (9 - 1) / 10.
        ([1, 2, 3, 4, 5], [1, 2, 3, 5, 4], 0.8),
        # Five of six pairs agree and one is tied in the second: 5 / sqrt(6 * 5).
        ([1, 2, 3, 4], [1, 2, 2, 3], 5 / math.sqrt(30)),
        # Ties in both: of six pairs 4 agree, none disagrees; untied are 5 and 5.
        ([1, 1, 2, 3], [1, 2, 2, 3], 4 / 5),
    ],
)
def test_tau_by_hand(first, second, tau):
    found = rank_correlation(first, second)
    assert found.tau == pytest.approx(tau)
    assert found.count == len(first)
    assert found.low <= found.tau <= found.high


def test_the_p_value_is_exact_where_there_are_few():
    # Of the 120 orders of five, two are as far from none as a perfect one.
    assert rank_correlation(range(5), range(5)).p_value == pytest.approx(2 / 120)
    assert rank_correlation(range(5), range(5)).is_sure
    assert rank_correlation(range(4), range(4)).p_value == pytest.approx(2 / 24)
    assert not rank_correlation(range(4), range(4)).is_sure
    assert LEAST_PAIRS == 5


def test_scores_that_are_all_the_same_rank_nothing():
    found = rank_correlation([1, 2, 3], [0.5, 0.5, 0.5])
    assert found == RankCorrelation(None, None, None, None, 3)
    assert not found.is_sure


def test_taus_of_resamples_are_those_of_scipy():
    generator = np.random.default_rng(0)
    first = generator.integers(0, 5, size=9).astype(float)
    second = first + generator.integers(0, 4, size=9)
    counts = generator.multinomial(9, np.full(9, 1 / 9), size=50)
    expected = [
        stats.kendalltau(np.repeat(first, count), np.repeat(second, count)).statistic
        for count in counts
    ]
    np.testing.assert_allclose(taus_of_resamples(first, second, counts), expected)


def test_a_resample_of_one_pair_alone_has_no_tau():
    counts = np.array([[3, 0, 0], [1, 1, 1]])
    taus = taus_of_resamples(np.arange(3.0), np.arange(3.0), counts)
    np.testing.assert_array_equal(taus, [math.nan, 1.0])


def test_the_interval():
    generator = np.random.default_rng(1)
    truth = generator.normal(size=60)
    noisy = truth + 0.5 * generator.normal(size=60)
    found = rank_correlation(truth, noisy, seed=3)
    assert found == rank_correlation(truth, noisy, seed=3)
    assert found != rank_correlation(truth, noisy, seed=4)
    assert 0.0 < found.low < found.tau < found.high < 1.0
    narrow = rank_correlation(truth, noisy, level=0.5)
    assert found.low < narrow.low < narrow.high < found.high
    few = rank_correlation(truth[:8], noisy[:8])
    assert few.high - few.low > found.high - found.low


@pytest.mark.slow
def test_the_interval_covers_the_true_tau_as_often_as_it_says():
    # Of two normals with correlation r the true tau is 2 / pi asin(r).
    correlation, covered, repeats = 0.7, 0, 300
    true = 2.0 / math.pi * math.asin(correlation)
    generator = np.random.default_rng(2)
    for _ in range(repeats):
        truth = generator.normal(size=30)
        noise = generator.normal(size=30)
        measured = correlation * truth + math.sqrt(1 - correlation**2) * noise
        found = rank_correlation(truth, measured, num_resamples=300)
        covered += found.low <= true <= found.high
    assert 0.88 <= covered / repeats <= 0.99


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ([1.0], [1.0], {}, "equally many scores, two or more"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], {}, r"Received: first of shape \(2,\)"),
        ([1.0, math.nan], [1.0, 2.0], {}, "Scores must be finite"),
        ([1.0, 2.0], [1.0, 2.0], {"level": 1.0}, "`level` must be between 0 and 1"),
    ],
)
def test_wrong_scores(first, second, options, message):
    with pytest.raises(ValueError, match=message):
        rank_correlation(first, second, **options)
