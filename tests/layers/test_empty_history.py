import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import EmptyHistory
from tests import helpers
from tests.conformance.descriptions import MASK, POOLED


def test_layer_contract():
    helpers.check_layer(
        EmptyHistory,
        config={},
        inputs={"pooled": POOLED, "mask": MASK},
        output_shape=POOLED.shape,
        num_weights=1,
    )


def test_only_rows_without_a_valid_step_are_replaced():
    layer = helpers.make_layer(EmptyHistory, {}, {"pooled": POOLED, "mask": MASK})
    expected = np.concatenate([POOLED[:3], layer.get_weights()])
    np.testing.assert_array_equal(layer(POOLED, MASK), expected)


def test_leading_axes():
    layer = helpers.make_layer(EmptyHistory, {}, {"pooled": POOLED, "mask": MASK})
    paths = layer(np.stack([POOLED, -POOLED]), MASK[None])
    np.testing.assert_array_equal(paths[1], layer(-POOLED, MASK))


def test_not_even_nan_comes_through_where_there_is_no_history():
    layer = helpers.make_layer(EmptyHistory, {}, {"pooled": POOLED, "mask": MASK})
    pooled = tf.where(np.any(MASK, axis=1, keepdims=True), POOLED, np.nan)
    with tf.GradientTape() as tape:
        outputs = layer(pooled, MASK)
        loss = tf.reduce_sum(outputs**2)
    assert np.all(np.isfinite(outputs))
    gradient = tape.gradient(loss, layer.vector.value)
    np.testing.assert_allclose(gradient, 2 * layer.get_weights()[0], rtol=1e-6)


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="must be known when it is built"):
        EmptyHistory().build((None, None))
