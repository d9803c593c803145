import itertools

import numpy as np

from amer_tf.layers import BiInteraction, FactorizationMachine
from tests import helpers
from tests.conformance.descriptions import POOLED, STATES


def test_layer_contract():
    helpers.check_layer(
        BiInteraction,
        config={},
        inputs={"fields": STATES},
        output_shape=POOLED.shape,
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    # 1 * 3 + 1 * 5 + 3 * 5 and 2 * 4 + 2 * 6 + 4 * 6.
    fields = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], "float32")
    np.testing.assert_allclose(BiInteraction()(fields), [[23.0, 44.0]])


def test_equals_pair_after_pair():
    pairs = itertools.combinations(range(STATES.shape[1]), 2)
    expected = sum(STATES[:, i] * STATES[:, j] for i, j in pairs)
    pooled = np.asarray(BiInteraction()(STATES))
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    np.testing.assert_allclose(
        pooled.sum(axis=-1, keepdims=True), FactorizationMachine()(STATES), atol=1e-4
    )
