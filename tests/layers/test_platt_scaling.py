import keras
import numpy as np
import pytest

from amer_tf.layers import PlattScaling


def test_changes_nothing_until_it_is_fitted():
    logits = np.array([-2.0, 0.0, 3.0], "float32")
    layer = PlattScaling()
    np.testing.assert_array_equal(layer(logits), logits)
    layer.assign(0.5, -1.0)
    np.testing.assert_allclose(layer(logits), [-2.0, -1.0, 0.5])


def test_is_not_trained_with_the_network():
    layer = PlattScaling()
    layer(np.zeros(3))
    assert layer.trainable_variables == []


def test_is_saved_with_the_model(tmp_path):
    inputs = keras.Input(())
    model = keras.Model(inputs, PlattScaling(name="amer.platt_scaling")(inputs))
    model.get_layer("amer.platt_scaling").assign(2.0, 0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(np.array([1.5])), [3.25])


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_a_slope_that_turns_the_order_is_refused(slope):
    layer = PlattScaling()
    layer(np.zeros(3))
    with pytest.raises(ValueError, match="`slope` must be positive. Received: slope="):
        layer.assign(slope, 0.0)
