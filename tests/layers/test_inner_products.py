import itertools

import keras
import numpy as np
import pytest

from amer_tf.layers import InnerProducts
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        InnerProducts,
        config={"pairs": None},
        inputs={"fields": STATES},
        output_shape=(4, 15),
        num_weights=0,
        gradient=False,
    )


def test_values_by_hand():
    # (1, 2) (3, 4), (1, 2) (5, 6) and (3, 4) (5, 6).
    fields = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], "float32")
    np.testing.assert_allclose(InnerProducts()(fields), [[11.0, 17.0, 39.0]])


def test_equals_pair_after_pair():
    pairs = itertools.combinations(range(STATES.shape[1]), 2)
    expected = np.stack([(STATES[:, i] * STATES[:, j]).sum(axis=-1) for i, j in pairs], axis=-1)
    np.testing.assert_allclose(InnerProducts()(STATES), expected, atol=1e-5)


def test_refuses_a_single_field():
    with pytest.raises(ValueError, match=r"two or more. Received: fields_shape=\(None, 1, 3\)"):
        InnerProducts()(keras.Input((1, 3)))


def test_chosen_pairs_alone():
    fields = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], "float32")
    np.testing.assert_allclose(InnerProducts([(1, 2), (2, 0)])(fields), [[39.0, 17.0]])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 1), (2, 2)], r"two different positions of fields. Received: \(2, 2\)"),
        ([(0, 1, 2)], r"Received: \(0, 1, 2\)"),
        ([(-1, 1)], r"Received: \(-1, 1\)"),
        ([], r"at least one pair. Received: pairs=\(\)"),
        ([(0, 1), (1, 6)], r"must hold positions of 6 fields. Received: \(1, 6\)"),
    ],
)
def test_refuses_what_are_no_pairs(pairs, message):
    with pytest.raises(ValueError, match=message):
        InnerProducts(pairs)(STATES)
