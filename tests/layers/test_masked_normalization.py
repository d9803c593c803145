import numpy as np
import pytest

from amer_tf.layers import MaskedLayerNormalization
from tests import helpers
from tests.conformance.descriptions import MASK, STATES


def test_layer_contract():
    helpers.check_layer(
        MaskedLayerNormalization,
        config={"epsilon": 1e-4},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=2,
    )


def test_values_by_hand():
    # Mean 3, standard deviation 1: (2, 4) gives (-1, 1), times (2, 3) plus (10, 20).
    layer = MaskedLayerNormalization()
    states = np.array([[[2.0, 4.0], [0.0, 0.0]]], "float32")
    layer.build(states.shape)
    layer.set_weights([np.array([2.0, 3.0]), np.array([10.0, 20.0])])
    normalized = layer(states, mask=np.array([[True, False]]))
    np.testing.assert_allclose(normalized, [[[8.0, 23.0], [0.0, 0.0]]], rtol=1e-5)
    np.testing.assert_allclose(layer(states)[0, 1], [10.0, 20.0])


def test_small_embeddings_are_normalised_too():
    states = np.random.default_rng(0).uniform(-0.05, 0.05, (64, 1, 256)).astype("float32")
    assert np.std(MaskedLayerNormalization()(states)) == pytest.approx(1.0, abs=1e-2)


def test_works_with_leading_axes():
    layer = helpers.make_layer(MaskedLayerNormalization, {}, {"states": STATES})
    stacked = layer(np.stack([STATES, 2 * STATES]), mask=MASK[None])
    np.testing.assert_allclose(stacked[0], layer(STATES, mask=MASK), atol=1e-6)


def test_refuses_an_epsilon_that_is_not_positive():
    with pytest.raises(ValueError, match="`epsilon` must be positive. Received: epsilon=0"):
        MaskedLayerNormalization(epsilon=0)
