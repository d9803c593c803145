import itertools

import numpy as np

from amer_tf.layers import FactorizationMachine
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        FactorizationMachine,
        config={},
        inputs={"fields": STATES},
        output_shape=(4, 1),
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    # (1, 2) (3, 4) + (1, 2) (5, 6) + (3, 4) (5, 6) = 11 + 17 + 39.
    fields = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], "float32")
    np.testing.assert_allclose(FactorizationMachine()(fields), [[67.0]])


def test_equals_pair_after_pair():
    pairs = itertools.combinations(range(STATES.shape[1]), 2)
    expected = sum((STATES[:, i] * STATES[:, j]).sum(axis=-1) for i, j in pairs)
    np.testing.assert_allclose(FactorizationMachine()(STATES)[:, 0], expected, atol=1e-4)
