import numpy as np
import pytest

from amer_tf.layers import AdditiveAttentionPooling
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, TARGET

INPUTS = {"states": STATES, "context": TARGET[:, :5], "states_mask": MASK}


@pytest.mark.parametrize("use_bias", [False, True])
def test_layer_contract(use_bias: bool):
    helpers.check_layer(
        AdditiveAttentionPooling,
        config={"use_bias": use_bias},
        inputs=INPUTS,
        output_shape=TARGET.shape,
        num_weights=3 + use_bias,
    )


def test_matches_numpy():
    layer = helpers.make_layer(AdditiveAttentionPooling, {}, INPUTS)
    kernel, context_kernel, score_kernel, bias = layer.get_weights()
    expected = np.zeros_like(TARGET)
    for row, (states, context, mask) in enumerate(zip(*INPUTS.values(), strict=True)):
        for state in states[mask]:
            hidden = 1 / (1 + np.exp(-(state @ kernel + context @ context_kernel + bias)))
            expected[row] += (hidden @ score_kernel) * state
    np.testing.assert_allclose(layer(**INPUTS), expected, rtol=1e-5, atol=1e-6)


def test_without_a_mask_every_step_counts():
    layer = helpers.make_layer(AdditiveAttentionPooling, {"use_bias": False}, INPUTS)
    full = {**INPUTS, "states_mask": np.ones_like(MASK)}
    np.testing.assert_allclose(layer(STATES, TARGET[:, :5]), layer(**full))


def test_refuses_unknown_units():
    with pytest.raises(ValueError, match="must be known when it is built. Received: states_shape"):
        AdditiveAttentionPooling().build((None, 5, None), (None, 5))
