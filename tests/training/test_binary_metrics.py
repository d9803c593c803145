from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amer_tf.training import binary_metrics
from amer_tf.training.binary_metrics import MetricError


def rows(size: int = 3000, seed: int = 0, ties: bool = True):
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1.0, 1.5, size)
    if ties:
        logits = np.round(logits, 1)
    labels = (generator.random(size) < 1 / (1 + np.exp(-logits))).astype("float32")
    return labels, logits


def test_auc_by_hand():
    # Positives 2 and 3 against negatives 1, 2, 4: 2 beats 1 and ties 2, 3 beats 1 and 2.
    estimate = binary_metrics.auc([1, 1, 0, 0, 0], [2.0, 3.0, 1.0, 2.0, 4.0])
    assert estimate.value == pytest.approx(3.5 / 6)
    # V = (.5, 2/3), W = (1, .75, 0).
    variance = np.var([1 / 2, 2 / 3], ddof=1) / 2 + np.var([1, 0.75, 0], ddof=1) / 3
    assert estimate.standard_error == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("ties", [True, False])
def test_auc_and_log_loss_equal_scikit_learn(ties: bool):
    labels, logits = rows(ties=ties)
    chances = 1 / (1 + np.exp(-logits))
    area = sklearn_metrics.roc_auc_score(labels, chances)
    assert binary_metrics.auc(labels, logits).value == pytest.approx(area, abs=1e-12)
    loss = sklearn_metrics.log_loss(labels, chances)
    assert binary_metrics.log_loss(labels, logits).value == pytest.approx(loss, abs=1e-9)


def test_standard_errors_are_those_of_repeated_draws():
    found = [rows(500, seed) for seed in range(400)]
    for metric in (binary_metrics.auc, binary_metrics.log_loss):
        estimates = [metric(*draw) for draw in found]
        spread = np.std([estimate.value for estimate in estimates])
        mean_error = np.mean([estimate.standard_error for estimate in estimates])
        assert mean_error == pytest.approx(spread, rel=0.12)


def test_one_positive_has_no_standard_error():
    assert binary_metrics.auc([1, 0, 0], [1.0, 2.0, 0.0]) == (0.5, None)


def test_auc_gain_and_its_error():
    labels, logits = rows()
    other = logits + np.random.default_rng(5).normal(size=len(logits))
    gain = binary_metrics.auc_gain(labels, logits, other)
    areas = [binary_metrics.auc(labels, each) for each in (logits, other)]
    assert gain.value == pytest.approx(areas[0].value - areas[1].value)
    # By drawing rows anew, both scores of a row together.
    generator, gains = np.random.default_rng(6), []
    for _ in range(200):
        drawn = generator.integers(0, len(labels), len(labels))
        gains.append(
            sklearn_metrics.roc_auc_score(labels[drawn], logits[drawn])
            - sklearn_metrics.roc_auc_score(labels[drawn], other[drawn])
        )
    assert gain.standard_error == pytest.approx(np.std(gains), rel=0.15)
    assert gain.standard_error < 0.8 * areas[0].standard_error
    assert binary_metrics.auc_gain([1, 0, 0], [1, 2, 0], [0, 2, 1]) == (0.5, None)


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 1], np.log(2)), ([1, 0, 0, 0], 0.5623351), ([1, 1], 0.0)]
)
def test_entropy_by_hand(labels: list[int], expected: float):
    assert binary_metrics.entropy(labels) == pytest.approx(expected)


def test_extreme_logits():
    loss = binary_metrics.log_loss([1, 0], [-1000.0, 1000.0])
    assert loss.value == 1000.0
    assert binary_metrics.log_loss([1, 0], [1000.0, -1000.0]).value == 0.0


def test_gauc_by_hand():
    # User 7: 1 of 1 pairs, 2 rows. User 3: 1.5 of 2 pairs, 3 rows. User 4 has one label only,
    # and one row has no user.
    labels = [1, 0, 1, 0, 0, 1, 1, 0]
    scores = [2.0, 1.0, 5.0, 5.0, 0.0, 9.0, 8.0, 100.0]
    groups = [7, 7, 3, 3, 3, 4, 4, -1]
    value, users = binary_metrics.gauc(labels, scores, groups)
    assert users == 2
    assert value == pytest.approx((2 * 1 + 3 * 0.75) / 5)


def test_gauc_equals_one_user_after_another():
    labels, logits = rows()
    groups = np.random.default_rng(1).integers(-1, 300, len(labels))
    areas, sizes = [], []
    for user in range(300):
        own = groups == user
        if 0 < labels[own].sum() < own.sum():
            areas.append(sklearn_metrics.roc_auc_score(labels[own], logits[own]))
            sizes.append(own.sum())
    value, users = binary_metrics.gauc(labels, logits, groups)
    assert users == len(areas)
    assert value == pytest.approx(np.average(areas, weights=sizes), abs=1e-12)


def test_gauc_without_a_user_of_both_labels():
    assert binary_metrics.gauc([1, 0], [1.0, 2.0], [0, 1]) == (None, 0)


def test_calibration_by_hand():
    bins = binary_metrics.calibration([1, 0, 1, 0], [0.0, -50.0, 50.0, 0.0], num_bins=2)
    # The lower half holds chances 0 and .5, the upper one .5 and 1; ties stay in order.
    assert [bin.rows for bin in bins] == [2, 2]
    np.testing.assert_allclose([bin.expected for bin in bins], [0.25, 0.75])
    assert [bin.observed for bin in bins] == [0.5, 0.5]


def test_a_calibrated_model():
    labels, logits = rows(100_000, ties=False)
    bins = binary_metrics.calibration(labels, logits)
    assert len(bins) == 10
    for bin in bins:
        assert bin.observed == pytest.approx(bin.expected, abs=0.02)


def test_all_metrics_are_plain_numbers():
    labels, logits = rows()
    groups = np.arange(len(labels)) % 7
    result = binary_metrics.evaluate_binary(labels, logits, groups)
    assert result["count"] == 3000
    assert result["positive_rate"] == pytest.approx(labels.mean())
    assert result["auc"] == binary_metrics.auc(labels, logits).value
    assert result["gauc_users"] == 7
    assert set(result["standard_errors"]) == {"auc", "log_loss"}
    assert set(result["calibration"][0]) == {"rows", "expected", "observed"}
    assert "gauc" not in binary_metrics.evaluate_binary(labels, logits)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 1], [0.0, 1.0], "rows of both labels. Received: 2 rows, 2 of them with label 1"),
        ([0, 0, 0], [0.0, 1.0, 2.0], "Received: 3 rows, 0 of them"),
        ([], [], "rows of both labels. Received: 0 rows"),
        ([0, 2], [0.0, 1.0], "Labels must be 0 or 1. Received: 2.0"),
        ([0, 1], [0.0, np.nan], "Scores must be finite.*Received: nan"),
        ([0, 1], [0.0], r"vectors of one length. Received: labels.shape=\(2,\)"),
    ],
)
def test_refuses(labels, scores, message):
    for metric in (binary_metrics.auc, binary_metrics.log_loss, binary_metrics.evaluate_binary):
        with pytest.raises(MetricError, match=message):
            metric(labels, scores)


def test_refuses_groups_of_another_length():
    with pytest.raises(MetricError, match=r"Received: groups.shape=\(1,\)"):
        binary_metrics.gauc([0, 1], [0.0, 1.0], [3])
