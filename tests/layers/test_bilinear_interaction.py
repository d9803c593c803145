import itertools

import keras
import numpy as np
import pytest

from amer_tf.layers import BilinearInteraction
from tests import helpers
from tests.conformance.descriptions import STATES

PAIRS = list(itertools.combinations(range(STATES.shape[1]), 2))


@pytest.mark.parametrize("kind", ["all", "each", "interaction"])
def test_layer_contract(kind: str):
    helpers.check_layer(
        BilinearInteraction,
        config={"kind": kind},
        inputs={"fields": STATES},
        output_shape=(4, 15, 8),
        num_weights=1,
    )


def test_values_by_hand():
    # The matrix swaps two numbers: (2, 1) * (3, 4), (2, 1) * (5, 6) and (4, 3) * (5, 6).
    fields = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], "float32")
    layer = BilinearInteraction("all")
    layer.build(fields.shape)
    layer.set_weights([np.array([[[0.0, 1.0], [1.0, 0.0]]])])
    np.testing.assert_allclose(layer(fields), [[[6.0, 4.0], [10.0, 6.0], [20.0, 18.0]]])


@pytest.mark.parametrize(
    ("kind", "num_kernels", "position"),
    [
        ("all", 1, lambda i, j: 0),
        ("each", 5, lambda i, j: i),
        ("interaction", 15, lambda i, j: PAIRS.index((i, j))),
    ],
)
def test_equals_pair_after_pair(kind: str, num_kernels: int, position):
    layer = helpers.make_layer(BilinearInteraction, {"kind": kind}, {"fields": STATES})
    (kernel,) = layer.get_weights()
    assert kernel.shape == (num_kernels, 8, 8)
    expected = [STATES[:, i] @ kernel[position(i, j)] * STATES[:, j] for i, j in PAIRS]
    np.testing.assert_allclose(layer(STATES), np.stack(expected, axis=1), rtol=1e-4, atol=1e-5)


def test_starts_as_xavier():
    layer = BilinearInteraction("interaction")
    layer.build((None, 20, 8))
    assert np.abs(layer.kernel).max() <= np.sqrt(6 / 16)
    assert np.std(layer.kernel) == pytest.approx(np.sqrt(2 / 16), rel=0.05)


def test_refuses_another_kind():
    with pytest.raises(ValueError, match=r"`kind` must be one of .*Received: kind='field'"):
        BilinearInteraction("field")


def test_refuses_a_single_field():
    with pytest.raises(ValueError, match=r"two or more. Received: fields_shape=\(None, 1, 3\)"):
        BilinearInteraction()(keras.Input((1, 3)))
