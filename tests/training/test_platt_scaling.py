import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression

from amer_tf.training import binary_metrics
from amer_tf.training.platt_scaling import Scaling, fit_platt_scaling


def _drawn(slope, intercept, rows=20_000, seed=0):
    """Logits, and labels whose true logit is a line through them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0.0, 3.0, rows)
    chances = special.expit(slope * logits + intercept)
    return (generator.random(rows) < chances).astype("float32"), logits.astype("float32")


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.4, -0.5), (2.0, 1.0)])
def test_finds_the_line_that_the_labels_follow(slope, intercept):
    found = fit_platt_scaling(*_drawn(slope, intercept))
    np.testing.assert_allclose(found, (slope, intercept), atol=0.06)


def test_is_the_logistic_regression_on_the_logits():
    labels, logits = _drawn(0.5, 0.3)
    peer = LogisticRegression(C=1e10).fit(logits[:, None], labels)
    found = fit_platt_scaling(labels, logits)
    np.testing.assert_allclose(found, (peer.coef_[0, 0], peer.intercept_[0]), atol=2e-3)


def test_lowers_the_loss_and_keeps_the_order():
    labels, logits = _drawn(0.3, 0.0)
    scaled = fit_platt_scaling(labels, logits)(logits)
    before = binary_metrics.evaluate_binary(labels, logits)
    after = binary_metrics.evaluate_binary(labels, scaled)
    assert after["log_loss"] < before["log_loss"] - 0.1
    assert after["auc"] == pytest.approx(before["auc"], abs=1e-12)


def test_rows_that_are_told_apart_without_a_fault_give_a_finite_slope():
    labels = np.repeat([0.0, 1.0], 50)
    found = fit_platt_scaling(labels, np.where(labels == 1, 1.0, -1.0))
    # Targets 51 / 52 and 1 / 52: a logit of log 51 at distance 1.
    np.testing.assert_allclose(found, (np.log(51.0), 0.0), atol=1e-3)


def test_logits_in_the_wrong_order_are_flattened_and_not_turned_round():
    labels, logits = _drawn(-1.0, 0.0)
    found = fit_platt_scaling(labels, logits)
    assert 0 < found.slope < 0.01


def test_scaling_is_a_line():
    np.testing.assert_allclose(Scaling(2.0, 1.0)(np.array([0.0, -1.0])), [1.0, -1.0])
    np.testing.assert_array_equal(Scaling()(np.array([3.0])), [3.0])
