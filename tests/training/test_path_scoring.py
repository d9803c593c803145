from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amer_tf.architecture import Architecture
from amer_tf.search.mlp import MlpSupernet
from amer_tf.training import binary_metrics
from amer_tf.training.fitness import FITNESS
from amer_tf.training.path_scoring import PathScorer
from amer_tf.training.platt_scaling import fit_platt_scaling
from tests import helpers
from tests.training.test_ctr import SPEC, tables


@pytest.mark.parametrize("options", [{}, {"batch_rows": 7}, {"jit_compile": True}])
def test_equals_every_path_by_itself(options):
    keras.utils.set_random_seed(0)
    supernet = MlpSupernet(SPEC, Architecture(), num_layers=2, embedding_dim=4)
    helpers.fix_weights(supernet)
    _, split = tables(120)
    group = supernet.space.sample_group(np.random.default_rng(0))
    scorer = PathScorer(supernet, split, **options)
    assert scorer.num_rows == 40
    [(inputs, labels, _)] = split.batches(split.num_examples)
    logits = np.asarray(supernet.path_logits(inputs, group))
    for found, own in zip(scorer(group), logits, strict=True):
        expected = binary_metrics.log_loss(labels.numpy(), own)
        assert found.value == pytest.approx(-expected.value, rel=1e-5)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-4)


def test_each_path_is_scaled_to_fit_the_labels():
    keras.utils.set_random_seed(0)
    supernet = MlpSupernet(SPEC, Architecture(), num_layers=2, embedding_dim=4)
    helpers.fix_weights(supernet)
    _, split = tables(120)
    group = supernet.space.sample_group(np.random.default_rng(0))
    [(inputs, labels, _)] = split.batches(split.num_examples)
    logits = np.asarray(supernet.path_logits(inputs, group))
    raw, scaled = (PathScorer(supernet, split, calibrate=each)(group) for each in (False, True))
    for before, after, own in zip(raw, scaled, logits, strict=True):
        expected = fit_platt_scaling(labels.numpy(), own)(own)
        loss = binary_metrics.log_loss(labels.numpy(), expected).value
        assert after.value == pytest.approx(-loss, rel=1e-5)
        assert after.value > before.value


def test_by_auc():
    keras.utils.set_random_seed(0)
    supernet = MlpSupernet(SPEC, Architecture(), num_layers=2, embedding_dim=4)
    helpers.fix_weights(supernet)
    _, split = tables(120)
    group = supernet.space.sample_group(np.random.default_rng(0))
    [(inputs, labels, _)] = split.batches(split.num_examples)
    logits = np.asarray(supernet.path_logits(inputs, group))
    scores = PathScorer(supernet, split, fitness=FITNESS["auc"])(group)
    for found, own in zip(scores, logits, strict=True):
        area = sklearn_metrics.roc_auc_score(labels.numpy(), own)
        assert found.value == pytest.approx(area, abs=1e-3)
        assert found.standard_error > 0
