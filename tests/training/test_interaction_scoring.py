from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amer_tf.training.fitness import FITNESS
from amer_tf.training.interaction_scoring import candidate_parts, score_candidates
from tests.search.test_interaction import make
from tests.training.test_ctr import SPEC, tables

CANDIDATES = [("a", "b"), ("a",), ("b",)]


@pytest.fixture(scope="module")
def supernet():
    return make(SPEC, CANDIDATES)


@pytest.mark.parametrize(
    "options",
    [{}, {"batch_rows": 7, "chunk_candidates": 2}, {"chunk_candidates": 1, "jit_compile": True}],
)
def test_equals_every_model_by_itself(supernet, options):
    _, split = tables(120)
    scores = score_candidates(supernet, split, **options)
    [(inputs, labels, _)] = split.batches(split.num_examples)
    logits = np.asarray(supernet.candidate_logits(inputs, np.arange(3)), "float64")
    losses = np.logaddexp(0, logits) - labels.numpy() * logits
    plain = np.asarray(supernet.plain_logits(inputs), "float64")
    gains = np.logaddexp(0, plain) - labels.numpy() * plain - losses
    for score, own, gain in zip(scores, losses, gains, strict=True):
        assert score.loss == pytest.approx(own.mean(), rel=1e-5)
        assert score.gain == pytest.approx(gain.mean(), abs=1e-6)
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        assert score.standard_error == pytest.approx(error, rel=1e-4)


def test_in_half_precision(supernet):
    _, split = tables(120)
    exact = score_candidates(supernet, split)
    for jit_compile in (False, True):
        scores = score_candidates(supernet, split, dtype="bfloat16", jit_compile=jit_compile)
        for score, own in zip(scores, exact, strict=True):
            assert score.loss == pytest.approx(own.loss, rel=1e-2)
            assert score.gain == pytest.approx(own.gain, abs=0.1 * own.standard_error)
            assert score.gain != own.gain


def test_parts_of_candidates(supernet):
    _, split = tables(120)
    [(inputs, labels, _)] = split.batches(split.num_examples)
    found = candidate_parts(supernet, split, np.array([2, 0], np.int32), batch_rows=9)
    plain = np.asarray(supernet.plain_logits(inputs))
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.logits, plain, atol=1e-6)
    expected = np.asarray(supernet.candidate_logits(inputs, np.array([2, 0]))) - plain
    np.testing.assert_allclose(found.parts, expected, atol=1e-5)


def test_one_row_has_no_standard_error(supernet):
    _, split = tables(120)
    assert score_candidates(supernet, split.limit(1))[0].standard_error is None


def test_by_auc(supernet):
    _, split = tables(120)
    options = {"batch_rows": 7, "chunk_candidates": 2}
    scores = score_candidates(supernet, split, fitness=FITNESS["auc"], **options)
    by_loss = score_candidates(supernet, split)
    [(inputs, labels, _)] = split.batches(split.num_examples)
    logits = np.asarray(supernet.candidate_logits(inputs, np.arange(3)))
    before = roc_auc_score(labels, np.asarray(supernet.plain_logits(inputs)))
    for score, other, own in zip(scores, by_loss, logits, strict=True):
        assert score.loss == pytest.approx(other.loss, rel=1e-5)
        assert score.gain == pytest.approx(roc_auc_score(labels, own) - before, abs=3e-3)
        assert score.standard_error > 0
