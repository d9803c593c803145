import numpy as np
import pytest

from amer_tf.layers import SessionInterest
from tests import helpers
from tests.conformance.descriptions import SESSION_MASK, SESSIONS, UNITS

INPUTS = {"states": SESSIONS, "mask": SESSION_MASK}


def interest_of(layer, events):
    """What one session `(L, D)` was about (Feng et al., 2019), with the heads one at a time."""
    weights = {weight.path.partition("/")[2]: np.asarray(weight) for weight in layer.weights}
    projected = events @ weights["attention/input_kernel"] + weights["attention/input_bias"]
    queries, keys, values = np.split(projected, 3, axis=-1)
    heads = []
    for units in np.split(np.arange(events.shape[-1]), layer.num_heads):
        scores = np.exp(queries[:, units] @ keys[:, units].T / np.sqrt(len(units)))
        heads.append(scores / scores.sum(axis=-1, keepdims=True) @ values[:, units])
    attended = np.concatenate(heads, axis=-1) @ weights["attention/output_kernel"]
    attended = events + attended + weights["attention/output_bias"]
    hidden = np.maximum(attended @ weights["expansion/kernel"] + weights["expansion/bias"], 0)
    hidden = hidden @ weights["contraction/kernel"] + weights["contraction/bias"]
    return (attended + hidden).mean(axis=0)


def test_layer_contract():
    helpers.check_layer(
        SessionInterest,
        config={"num_heads": 4},
        inputs=INPUTS,
        output_shape=(*SESSIONS.shape[:2], UNITS),
        num_weights=8,
    )


def test_equals_the_formula():
    layer = helpers.make_layer(SessionInterest, {"num_heads": 2}, INPUTS)
    interests = np.asarray(layer(**INPUTS))
    for row, session in np.ndindex(SESSION_MASK.shape[:2]):
        events = SESSIONS[row, session][SESSION_MASK[row, session]]
        expected = interest_of(layer, events) if len(events) else np.zeros(UNITS)
        np.testing.assert_allclose(interests[row, session], expected, rtol=1e-4, atol=1e-5)


def test_sessions_share_weights_and_do_not_see_each_other():
    layer = helpers.make_layer(SessionInterest, {"num_heads": 2}, INPUTS)
    turned = layer(SESSIONS[:, ::-1], mask=SESSION_MASK[:, ::-1])
    np.testing.assert_allclose(turned, np.asarray(layer(**INPUTS))[:, ::-1], atol=1e-6)


def test_no_mask_is_no_padding():
    layer = helpers.make_layer(SessionInterest, {"num_heads": 2}, INPUTS)
    whole = np.ones_like(SESSION_MASK)
    np.testing.assert_allclose(layer(SESSIONS), layer(SESSIONS, mask=whole), atol=1e-6)


def test_refuses_heads_that_do_not_divide_the_units():
    with pytest.raises(ValueError, match="must divide the units .*num_heads=3, units=8"):
        SessionInterest(num_heads=3)(SESSIONS)
    with pytest.raises(ValueError, match="positive integer. Received: num_heads=0"):
        SessionInterest(num_heads=0)
