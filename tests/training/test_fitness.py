from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from amer_tf.training.fitness import FITNESS

GENERATOR = np.random.default_rng(0)
LABELS = (GENERATOR.random(500) < 0.3).astype(float)
LOGITS = GENERATOR.normal(size=500) + LABELS
PARTS = np.stack([LABELS, 0.3 * LABELS + GENERATOR.normal(size=500), np.zeros(500)])


def chances(logits):
    return 1 / (1 + np.exp(-logits))


def test_scores_are_larger_where_better():
    expected = {
        "log_loss": -log_loss(LABELS, chances(LOGITS)),
        "auc": roc_auc_score(LABELS, LOGITS),
    }
    for name, fitness in FITNESS.items():
        assert fitness.score(LABELS, LOGITS).value == pytest.approx(expected[name])
        assert fitness.score(LABELS, LOGITS + LABELS).value > expected[name]


def test_scores_in_words():
    assert FITNESS["log_loss"].text(-0.66512) == "log loss 0.6651"
    assert FITNESS["auc"].text(0.7) == "AUC 0.7000"


def test_gains_are_differences_of_scores():
    for fitness in FITNESS.values():
        gain = fitness.gain(LABELS, LOGITS + PARTS[1], LOGITS)
        scores = [fitness.score(LABELS, each) for each in (LOGITS + PARTS[1], LOGITS)]
        assert gain.value == pytest.approx(scores[0].value - scores[1].value)
        assert 0 < gain.standard_error < scores[0].standard_error + scores[1].standard_error
        assert fitness.gain(LABELS, LOGITS, LOGITS) == (0.0, 0.0)


def test_promises_rank_the_parts():
    for fitness in FITNESS.values():
        promises = fitness.promises(LABELS, LOGITS, PARTS)
        assert promises[0] > promises[1] > promises[2]
    # To second order the loss falls by half of the promise, over the rows.
    part = 0.01 * PARTS[1]
    [promise] = FITNESS["log_loss"].promises(LABELS, LOGITS, [part] @ np.eye(500))
    slope = part @ (LABELS - chances(LOGITS))
    curvature = part**2 @ (chances(LOGITS) * (1 - chances(LOGITS)))
    assert promise == pytest.approx(slope**2 / curvature)
    # That of AUC is the area with the part at its best scale.
    [area] = FITNESS["auc"].promises(LABELS, LOGITS, [part] @ np.eye(500))
    assert area == pytest.approx(roc_auc_score(LABELS, LOGITS + slope / curvature * part))
