"""Differences between systems, against values worked out by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from amer_tf.compare import significance
from amer_tf.training.binary_metrics import auc, auc_gain


def ranks(greater, ties=None):
    greater = np.array(greater)
    return {"full.greater": greater, "full.ties": np.zeros_like(greater) if ties is None else ties}


def rows(labels, logits):
    return {"labels": np.array(labels, np.float64), "logits": np.array(logits, np.float64)}


def test_users_are_paired():
    own, other = ranks([0, 0, 3, 9]), ranks([0, 2, 3, 9])
    found = significance.ranking_difference("mrr", [own], [other], "full")
    gaps = np.array([0, 1 - 1 / 3, 0, 0])
    assert found.value == pytest.approx(gaps.mean())
    assert found.error == pytest.approx(gaps.std(ddof=1) / 2)
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.value / found.error, df=3))


def test_seeds_add_their_own_error():
    own = [ranks([0, 1, 2, 4]), ranks([0, 0, 2, 9])]
    other = [ranks([0, 1, 2, 4])]
    found = significance.ranking_difference("mrr", own, other, "full")
    by_seed = np.array([[1, 1 / 2, 1 / 3, 1 / 5], [1, 1, 1 / 3, 1 / 10]])
    gaps = by_seed.mean(axis=0) - by_seed[0]
    expected = gaps.var(ddof=1) / 4 + by_seed.mean(axis=1).var(ddof=1) / 2
    assert found.value == pytest.approx(gaps.mean())
    assert found.error == pytest.approx(np.sqrt(expected))


def test_few_seeds_that_differ_are_little_proof():
    """As Welch's test where the rows add nothing, and all rows of a seed are alike."""
    own, other = ([rows([0] * 9, [logit] * 9) for logit in group] for group in ([-3, -2], [-1, 0]))
    found = significance.loss_difference(own, other)
    losses = [[np.log1p(np.exp(logit)) for logit in group] for group in ([-1, 0], [-3, -2])]
    expected = stats.ttest_ind(*losses, equal_var=False)
    assert found.value / found.error == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.p_value > 2 * stats.norm.sf(expected.statistic)


def test_a_lower_loss_is_better():
    labels = [0, 1, 1]
    own, other = rows(labels, [-2.0, 2.0, 3.0]), rows(labels, [0.0, 0.0, 0.0])
    found = significance.loss_difference([own], [other])
    losses = np.log1p(np.exp([-2.0, -2.0, -3.0]))
    assert found.value == pytest.approx(np.log(2) - losses.mean())


def test_auc_of_one_seed_is_delongs():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, size=200)
    own, other = (labels + generator.normal(size=200) for _ in range(2))
    found = significance.auc_difference([rows(labels, own)], [rows(labels, other)])
    expected = auc_gain(labels, own, other)
    assert (found.value, found.error) == pytest.approx(expected)


def test_auc_over_seeds_is_the_mean_auc():
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, size=300)
    own = [rows(labels, labels + generator.normal(size=300)) for _ in range(3)]
    other = [rows(labels, generator.normal(size=300)) for _ in range(2)]
    areas = [[auc(labels, each["logits"]).value for each in group] for group in (own, other)]
    found = significance.auc_difference(own, other)
    assert found.value == pytest.approx(np.mean(areas[0]) - np.mean(areas[1]))
    by_seed = sum(np.var(group, ddof=1) / len(group) for group in areas)
    assert found.error > np.sqrt(by_seed)
    assert found.p_value < 1e-4


def test_the_error_is_that_of_drawing_the_rows_anew():
    """The spread of the difference over many draws of rows, of two scores that share noise."""
    generator = np.random.default_rng(2)
    gaps, errors = [], []
    for _ in range(300):
        labels = generator.integers(0, 2, size=150)
        shared = labels + generator.normal(size=150)
        pair = [rows(labels, shared + generator.normal(scale=0.5, size=150)) for _ in range(2)]
        found = significance.auc_difference(pair[:1], pair[1:])
        gaps.append(found.value)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(gaps), rel=0.1)


def test_equal_systems():
    one = ranks([0, 3, 5])
    assert significance.ranking_difference("ndcg@5", [one], [one], "full") == (0.0, 0.0, 1.0)


def test_a_single_user_has_no_error():
    found = significance.ranking_difference("hr@1", [ranks([0])], [ranks([1])], "full")
    assert found == (1.0, None, None)


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (1.0, "1"),
        (0.0213, "0.021"),
        (3.4e-7, "3.4e-07"),
        (1e-9, "1e-09"),
        (1e-143, "< 1e-9"),
        (0.0, "< 1e-9"),
    ],
)
def test_chances_in_words(p_value, text):
    assert significance.chance_text(p_value) == text
