import numpy as np
import pytest

from amer_tf.layers import TargetAttention, TargetAttentionPooling
from tests import helpers
from tests.conformance.descriptions import MASK, POOLED, STATES, TARGET

INPUTS = {"states": STATES, "target": TARGET, "states_mask": MASK}


def test_layer_contract():
    helpers.check_layer(
        TargetAttention,
        config={"hidden_units": [5]},
        inputs=INPUTS,
        output_shape=STATES.shape,
        num_weights=5,
    )


def test_layer_contract_of_the_pooling():
    helpers.check_layer(
        TargetAttentionPooling,
        config={"hidden_units": [5, 3]},
        inputs=INPUTS,
        output_shape=POOLED.shape,
        num_weights=8,
    )


def test_scales_each_step_by_its_weight():
    layer = helpers.make_layer(TargetAttention, {}, INPUTS)
    weights = np.asarray(layer.unit(**INPUTS))
    np.testing.assert_allclose(layer(**INPUTS), STATES * weights[..., None], rtol=1e-5)


def test_pooling_sums_the_scaled_steps():
    layer = helpers.make_layer(TargetAttentionPooling, {}, INPUTS)
    scaled = np.asarray(layer.attention(**INPUTS))
    np.testing.assert_allclose(layer(**INPUTS), scaled.sum(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer(**INPUTS)[3], 0.0)  # no history


def test_padded_steps_count_for_nothing_whatever_they_hold():
    layer = helpers.make_layer(TargetAttentionPooling, {}, INPUTS)
    noisy = np.where(MASK[..., None], STATES, 7.0).astype("float32")
    np.testing.assert_allclose(layer(noisy, TARGET, states_mask=MASK), layer(**INPUTS), atol=1e-6)


@pytest.mark.parametrize("cls", [TargetAttention, TargetAttentionPooling])
def test_refuses_a_target_of_another_width(cls: type):
    with pytest.raises(ValueError, match="as many units as `states`. Received: states_shape"):
        cls()(STATES, TARGET[:, :4])


def test_one_sequence_is_pooled_for_all_targets():
    layer = helpers.make_layer(
        TargetAttentionPooling, {}, {"states": STATES, "target": TARGET, "states_mask": MASK}
    )
    one = layer(STATES[:1], TARGET, states_mask=MASK[:1])
    repeated = np.repeat(STATES[:1], len(TARGET), axis=0)
    each = layer(repeated, TARGET, states_mask=np.repeat(MASK[:1], len(TARGET), axis=0))
    np.testing.assert_allclose(one, each, rtol=1e-5)
