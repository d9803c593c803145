import keras
import numpy as np
import pytest

from amer_tf.layers import Dice
from tests import helpers
from tests.conformance.descriptions import POOLED


def test_layer_contract():
    helpers.check_layer(
        Dice,
        config={"momentum": 0.5, "epsilon": 1e-3},
        inputs={"inputs": POOLED},
        output_shape=POOLED.shape,
        num_weights=3,
    )


def test_values_by_hand():
    # Mean 2, variance 1: g = sigmoid(-1), sigmoid(1); alpha 0.5: x (g + (1 - g) / 2).
    layer = Dice()
    inputs = np.array([[1.0], [3.0]], "float32")
    layer.build(inputs.shape)
    layer.alpha.assign([0.5])
    low, high = 1 / (1 + np.e), 1 / (1 + 1 / np.e)
    expected = [[1 * (low + (1 - low) / 2)], [3 * (high + (1 - high) / 2)]]
    np.testing.assert_allclose(layer(inputs, training=True), expected, rtol=1e-5)
    # The averages went one hundredth of the way from 0 and 1.
    np.testing.assert_allclose(layer.moving_mean, [0.02], rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, [1.0], rtol=1e-5)
    layer.moving_mean.assign([2.0])
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-5)
    np.testing.assert_allclose(layer(inputs[:1]), expected[:1], rtol=1e-5)


def test_inference_changes_nothing():
    layer = Dice()
    layer(POOLED)
    before = layer.get_weights()
    layer(POOLED + 5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_paths_have_moments_of_their_own():
    paths = np.stack([POOLED, 10 * POOLED + 3])
    one, other = Dice(), Dice()
    together = one(paths, training=True)
    np.testing.assert_allclose(together[0], other(paths[0], training=True), atol=1e-5)
    np.testing.assert_allclose(together[1], other(paths[1], training=True), atol=1e-4)
    expected = 0.01 * paths.mean(axis=1).mean(axis=0)
    np.testing.assert_allclose(one.moving_mean, expected, rtol=1e-4)


def test_only_active_units_are_averaged():
    paths = np.stack([POOLED[:, :2], POOLED[:, :2] + 3])
    active = np.array([[[1.0, 1.0]], [[0.0, 1.0]]], "float32")
    layer = Dice(momentum=0.0)
    layer(paths, active=active, training=True)
    means = paths.mean(axis=1)
    expected = [means[0, 0], means[:, 1].mean()]
    np.testing.assert_allclose(layer.moving_mean, expected, rtol=1e-4)


def test_a_unit_that_no_path_has_keeps_its_averages():
    layer = Dice(momentum=0.0)
    layer(POOLED[None, :, :2], active=np.array([[[0.0, 1.0]]], "float32"), training=True)
    np.testing.assert_allclose(layer.moving_mean, [0.0, POOLED[:, 1].mean()], rtol=1e-4)
    assert layer.moving_variance[0] == 1.0


def test_large_numbers_in_mixed_precision():
    layer = Dice(dtype="mixed_float16")
    values = layer(np.array([[2000.0], [-2000.0]], "float16"), training=True)
    # The variance, 4e6, does not fit into float16: g = sigmoid(1), sigmoid(-1).
    high = 1 / (1 + 1 / np.e)
    np.testing.assert_allclose(values, [[2000 * high], [-2000 * (1 - high)]], rtol=1e-3)


def test_moments_are_saved(tmp_path):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, Dice()(inputs))
    for _ in range(3):
        model(POOLED, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(POOLED), model(POOLED))
    np.testing.assert_array_equal(loaded.layers[1].moving_mean, model.layers[1].moving_mean)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 1.0}, r"`momentum` must be in \[0, 1\). Received: momentum=1.0"),
        ({"epsilon": 0.0}, "`epsilon` must be positive. Received: epsilon=0.0"),
    ],
)
def test_refuses(arguments: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        Dice(**arguments)
