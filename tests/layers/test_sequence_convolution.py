import keras
import numpy as np
import pytest

from amer_tf.layers import SequenceConvolution
from tests import helpers
from tests.conformance.descriptions import MASK, STATES


def test_layer_contract():
    helpers.check_layer(
        SequenceConvolution,
        config={"kernel_size": 7, "dilation_rate": 2},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=2,
    )


def test_values_by_hand():
    # One unit, kernel (1, 10, 100), bias 0.5: y_t = x_{t-1} + 10 x_t + 100 x_{t+1} + 0.5.
    layer = SequenceConvolution(kernel_size=3)
    states = np.array([[[1.0], [2.0], [3.0]]], "float32")
    layer.build(states.shape)
    layer.set_weights([np.array([[1.0], [10.0], [100.0]]), np.array([0.5])])
    np.testing.assert_allclose(layer(states)[0, :, 0], [210.5, 321.5, 32.5])
    masked = layer(states, mask=np.array([[True, True, False]]))
    np.testing.assert_allclose(masked[0, :, 0], [210.5, 21.5, 0.0])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("kernel_size", "dilation_rate"), [(1, 1), (2, 1), (3, 1), (3, 2), (7, 2)])
def test_equals_the_keras_convolution(kernel_size: int, dilation_rate: int, causal: bool):
    units = STATES.shape[-1]
    layer = helpers.make_layer(
        SequenceConvolution,
        {"kernel_size": kernel_size, "dilation_rate": dilation_rate, "causal": causal},
        {"states": STATES},
    )
    padding = "causal" if causal else "same"
    reference = keras.layers.Conv1D(
        units, kernel_size, dilation_rate=dilation_rate, padding=padding
    )
    reference.build(STATES.shape)
    kernel, bias = layer.get_weights()
    reference.set_weights([kernel.reshape(kernel_size, units, units), bias])
    np.testing.assert_allclose(layer(STATES), reference(STATES), atol=1e-5)


def test_starts_in_the_he_range():
    layer = SequenceConvolution(kernel_size=3)
    layer.build((None, 5, 64))
    assert np.std(layer.kernel) == pytest.approx(np.sqrt(2 / (3 * 64)), rel=0.03)


def test_a_sequence_shorter_than_the_window():
    layer = helpers.make_layer(
        SequenceConvolution, {"kernel_size": 7, "dilation_rate": 2}, {"states": STATES}
    )
    expected = layer(STATES, mask=np.arange(6) < np.full((4, 1), 1))[:, :1]
    np.testing.assert_allclose(layer(STATES[:, :1]), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["kernel_size", "dilation_rate"])
def test_refuses_what_is_not_positive(name: str):
    with pytest.raises(
        ValueError, match=f"`{name}` must be a positive integer. Received: {name}=0"
    ):
        SequenceConvolution(**{"kernel_size": 3, name: 0})


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="must be known when it is built. Received: states_shape"):
        SequenceConvolution(3).build((None, 5, None))


def test_a_causal_step_sees_no_newer_one():
    config = {"kernel_size": 3, "dilation_rate": 2, "causal": True}
    layer = helpers.make_layer(SequenceConvolution, config, {"states": STATES})
    later = STATES.copy()
    later[:, 4] += 1.0
    moved = np.abs(np.asarray(layer(later) - layer(STATES))).max(axis=(0, 2))
    assert not moved[[0, 1, 2, 3, 5]].any()
    assert moved[4] > 1e-3
