import keras
import numpy as np
import pytest

from amer_tf.layers import SelfAttention
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, UNITS


@pytest.mark.parametrize("num_heads", [2, 4])
def test_layer_contract(num_heads: int):
    helpers.check_layer(
        SelfAttention,
        config={"num_heads": num_heads},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=4,
    )


@pytest.mark.parametrize("num_heads", [1, 2, 4])
@pytest.mark.parametrize("side", [1, -1], ids=["right_padded", "left_padded"])
@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_keras_layer(num_heads: int, side: int, causal: bool):
    states, mask = STATES[:3, ::side], MASK[:3, ::side]
    config = {"num_heads": num_heads, "causal": causal}
    layer = helpers.make_layer(SelfAttention, config, {"states": states})
    reference = keras.layers.MultiHeadAttention(num_heads, UNITS // num_heads)
    reference.build(states.shape, states.shape)
    input_kernel, input_bias, output_kernel, output_bias = layer.get_weights()
    weights = []
    for part in range(3):  # the query, key and value kernels of Keras, in this order
        columns = slice(part * UNITS, (part + 1) * UNITS)
        weights += [
            input_kernel[:, columns].reshape(UNITS, num_heads, -1),
            input_bias[columns].reshape(num_heads, -1),
        ]
    order = [weight.path.split("/")[-2] for weight in reference.weights]
    assert order == ["query", "query", "key", "key", "value", "value", *["attention_output"] * 2]
    weights += [output_kernel.reshape(num_heads, -1, UNITS), output_bias]
    reference.set_weights(weights)
    expected = reference(states, states, attention_mask=mask[:, None, :], use_causal_mask=causal)
    expected = expected * mask[..., None]
    np.testing.assert_allclose(layer(states, mask=mask), expected, atol=1e-5)


def test_one_valid_step_attends_to_itself():
    # Softmax over one step is 1: y = (x W_v + b_v) W_o + b_o.
    layer = helpers.make_layer(SelfAttention, {"num_heads": 2}, {"states": STATES})
    kernel, bias, output_kernel, output_bias = layer.get_weights()
    values = STATES[2, 0] @ kernel[:, 2 * UNITS :] + bias[2 * UNITS :]
    expected = values @ output_kernel + output_bias
    actual = layer(STATES, mask=MASK)
    np.testing.assert_allclose(actual[2, 0], expected, atol=1e-5)
    np.testing.assert_array_equal(actual[2, 1:], 0.0)


def test_a_row_without_a_valid_step_is_zero():
    layer = helpers.make_layer(SelfAttention, {"num_heads": 2}, {"states": STATES})
    np.testing.assert_array_equal(layer(STATES, mask=np.zeros_like(MASK)), 0.0)


def test_each_of_the_three_input_kernels_starts_in_its_own_xavier_range():
    layer = SelfAttention(num_heads=2)
    layer.build((None, 5, 64))
    limit = np.sqrt(6 / 128)
    assert 0.98 * limit < np.abs(layer.input_kernel).max() <= limit


def test_refuses_heads_that_do_not_divide_the_units():
    with pytest.raises(ValueError, match="must divide .* Received: num_heads=3, units=8"):
        SelfAttention(num_heads=3).build(STATES.shape)


def test_refuses_no_heads():
    with pytest.raises(ValueError, match="positive integer. Received: num_heads=0"):
        SelfAttention(num_heads=0)
