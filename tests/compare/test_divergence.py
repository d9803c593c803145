"""What counts as diverged."""

from __future__ import annotations

import types

import numpy as np
import pytest

from amer_tf.compare import divergence, job
from amer_tf.compare.job import Job
from amer_tf.compare.systems import System
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.fit import TrainingError
from amer_tf.training.next_item_evaluation import Ranks, summarise

LABELS = np.array([0.0, 1.0] * 50)
NOISE = np.random.default_rng(0).normal(size=100)


def ranked(greater, ties):
    """Metrics of users among ten candidates beside the true one."""
    number = len(greater)
    candidates = np.zeros((number, 11), np.int64)
    ranks = Ranks(np.array(greater), np.array(ties), np.ones(number, np.float32))
    return summarise(None, ranks, candidates)


@pytest.mark.parametrize("skill", [1.0, 0.0, -1.0])
def test_what_was_learned_badly_has_not_diverged(skill):
    logits = skill * (2 * LABELS - 1) + NOISE
    divergence.check(evaluate_binary(LABELS, logits))
    # Too sure of itself by far.
    divergence.check(evaluate_binary(LABELS, 10 * logits))


def test_a_loss_that_is_absurd():
    metrics = evaluate_binary(LABELS, 1e26 * NOISE)
    with pytest.raises(TrainingError, match=r"diverged: its log loss is .*e\+25, and 0.693 that"):
        divergence.check(metrics)


def test_rare_labels_have_a_smaller_constant():
    """20 times the entropy of one in a hundred is 1.12."""
    labels = np.zeros(100)
    labels[0] = 1.0
    divergence.check(evaluate_binary(labels, NOISE + 0.5))
    with pytest.raises(TrainingError, match="its log loss is 2.*, and 0.056 that of a constant"):
        divergence.check(evaluate_binary(labels, NOISE + 2.0))


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_scores_that_are_all_the_same(value):
    with pytest.raises(TrainingError, match="diverged: all its scores are the same on the valid"):
        divergence.check(evaluate_binary(LABELS, np.full(100, value)))


def test_a_metric_that_is_not_finite():
    metrics = {**evaluate_binary(LABELS, NOISE), "log_loss": float("nan")}
    with pytest.raises(TrainingError, match="log_loss is nan on the validation split"):
        divergence.check(metrics)


def test_items_that_all_have_one_score():
    with pytest.raises(TrainingError, match="all its scores are the same"):
        divergence.check(ranked([0, 0, 0], [10, 10, 10]))
    # None is hit, each is hit, and a few ties.
    divergence.check(ranked([10, 10, 10], [0, 0, 0]))
    divergence.check(ranked([0, 0, 0], [0, 0, 0]))
    divergence.check(ranked([0, 3, 5], [1, 10, 2]))
    divergence.check(ranked([0], [10]))


def test_a_run_that_diverged_is_a_failure(tmp_path, monkeypatch):
    record = {"validation": evaluate_binary(LABELS, np.zeros(100)), "score": 0.5}
    monkeypatch.setattr(job, "_result", lambda *arguments: types.SimpleNamespace())
    monkeypatch.setattr(job, "_described", lambda *arguments: {"status": "done", **record})
    own = Job(System("dnn"), 0, CtrSettings(), tmp_path / "trial_1", is_trial=True)
    job.train(own, lambda: None)
    assert job.failed(own.record())
    assert not own.is_open
    assert own.outcome().score is None
    assert own.outcome().reason.startswith("It diverged: all its scores are the same")
