from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from amer_tf.search.selection import select_forward
from amer_tf.training.fitness import FITNESS


def make(rows: int = 20_000):
    generator = np.random.default_rng(0)
    strong, weak, noise = generator.normal(size=(3, rows))
    logits = 1.5 * strong + 0.5 * weak - 1
    labels = (generator.random(rows) < 1 / (1 + np.exp(-logits))).astype(float)
    return labels, np.full(rows, -1.0), strong, weak, noise


def test_what_repeats_another_comes_late():
    labels, base, strong, weak, noise = make()
    copies = [strong + 0.1 * noise, strong - 0.1 * noise]
    choices = select_forward(labels, base, [*copies, weak, strong], 3)
    # By themselves all three copies are better than the weak one.
    alone = [select_forward(labels, base, [part], 1)[0].gain for part in (*copies, weak)]
    assert min(alone[:2]) > 3 * alone[2]
    assert [choice.candidate for choice in choices[:2]] == [3, 2]
    assert choices[2].gain < 0.05 * choices[1].gain


def test_gain_is_that_of_the_best_scale_and_its_error_shrinks_with_rows():
    labels, base, strong, _, _ = make()
    [choice] = select_forward(labels, base, [strong], 1)

    def loss(scale: float) -> float:
        logits = base + scale * strong
        return float(np.mean(np.logaddexp(0, logits) - labels * logits))

    best = min(loss(scale) for scale in np.linspace(1.0, 2.0, 201))
    assert choice.gain == pytest.approx(loss(0) - best, abs=1e-5)
    few = select_forward(labels[:200], base[:200], [strong[:200]], 1)[0]
    assert few.standard_error == pytest.approx(10 * choice.standard_error, rel=0.35)


def test_noise_gains_nothing():
    labels, base, _, _, noise = make()
    [choice] = select_forward(labels, base, [noise], 1)
    assert abs(choice.gain) < 3 * choice.standard_error


def test_a_part_of_zeros_and_fewer_candidates_than_wanted():
    labels, base, strong, _, _ = make(100)
    choices = select_forward(labels, base, [np.zeros(100), strong], 5)
    assert [choice.candidate for choice in choices] == [1, 0]
    assert choices[1].gain == pytest.approx(0, abs=1e-9)
    assert select_forward([1.0], [0.0], [[1.0]], 1)[0].standard_error is None


def test_sure_logits_that_are_wrong_do_not_lead_astray():
    """A whole step of Newton's method would be far too long where the curvature is small."""
    random = np.random.default_rng(0)
    labels = (random.random(200) < 0.5).astype(float)
    logits = np.where(random.random(200) < 0.1, -1, 1) * (2 * labels - 1) * 40 * random.random(200)
    choices = select_forward(labels, logits, random.normal(size=(30, 200)), 20)
    gains = [choice.gain for choice in choices]
    assert min(gains) >= -1e-9
    assert sum(gains) < np.mean(np.logaddexp(0, logits) - labels * logits)


def test_refuses_other_lengths():
    with pytest.raises(ValueError, match=r"equally long. Received: .*parts.shape=\(1, 3\)"):
        select_forward([0, 1], [0, 0], [[1, 2, 3]], 1)


def test_other_evidence_decides_where_the_gain_is_noise():
    labels, base, strong, weak, _ = make()
    noises = np.random.default_rng(1).normal(size=(3, len(labels)))
    parts = [*noises, weak, strong]
    scores = [0.0, 2.0, 1.0, -9.0, -9.0]
    choices = select_forward(labels, base, parts, 4, scores)
    assert [choice.candidate for choice in choices] == [4, 3, 1, 2]
    assert all(choice.gain < 4 * choice.standard_error for choice in choices[2:])
    # Without it the noise that fits these labels best goes first.
    assert select_forward(labels, base, parts, 2) == choices[:2]


def test_by_auc():
    labels, base, strong, weak, noise = make(4000)
    base = base + 0.01 * noise
    choices = select_forward(labels, base, [weak, strong], 2, fitness=FITNESS["auc"])
    assert [choice.candidate for choice in choices] == [1, 0]
    gains = [choice.gain for choice in choices]
    scales = LogisticRegression(C=1e9).fit(np.array([strong, weak]).T, labels).coef_[0]
    after = roc_auc_score(labels, scales @ [strong, weak] + base)
    assert sum(gains) == pytest.approx(after - roc_auc_score(labels, base), abs=1e-4)
    assert all(choice.gain > 3 * choice.standard_error for choice in choices)
