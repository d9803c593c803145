import numpy as np
import pytest

from amer_tf.layers import SessionBias
from tests import helpers
from tests.conformance.descriptions import SESSION_MASK, SESSIONS


def test_layer_contract():
    helpers.check_layer(
        SessionBias,
        config={},
        inputs={"states": SESSIONS, "mask": SESSION_MASK},
        output_shape=SESSIONS.shape,
        num_weights=3,
    )


def test_values_by_hand():
    layer = SessionBias()
    states = np.zeros((1, 2, 3, 2), "float32")
    layer.build(states.shape)
    session, place, unit = [100, 200], [10, 20, 30], [1, 2]
    shapes = [weight.shape for weight in layer.weights]
    layer.set_weights(
        [
            np.reshape(part, shape)
            for part, shape in zip((session, place, unit), shapes, strict=True)
        ]
    )
    expected = [
        [[111, 112], [121, 122], [131, 132]],
        [[211, 212], [221, 222], [231, 232]],
    ]
    np.testing.assert_array_equal(layer(states), [expected])
    mask = np.array([[[False, True, True], [False, False, False]]])
    np.testing.assert_array_equal(layer(states, mask=mask), expected * mask[..., None])


@pytest.mark.parametrize("shape", [(None, 2, None, 4), (None, None, 3, 4), (None, 3, 4)])
def test_refuses_unknown_shapes(shape):
    with pytest.raises(ValueError, match="all but the batch known .*Received: states_shape="):
        SessionBias().build(shape)
