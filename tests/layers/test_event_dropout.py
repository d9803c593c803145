import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import EventDropout
from tests import helpers

IDS = np.tile(np.arange(1, 31, dtype="int32"), (2000, 1))


def test_layer_contract():
    helpers.check_layer(
        EventDropout,
        config={"rate": 0.3, "seed": 1},
        inputs={"ids": IDS[:4]},
        output_shape=(4, 30),
        num_weights=0,
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_drops_the_rate_and_leaves_the_rest(compiled):
    layer = EventDropout(0.2, seed=1)
    call = tf.function(lambda ids: layer(ids, training=True), jit_compile=compiled)
    outputs = call(IDS).numpy()
    assert ((outputs == IDS) | (outputs == 0)).all()
    # 60,000 events: four standard errors are .0065.
    assert (outputs == 0).mean() == pytest.approx(0.2, abs=0.0065)
    assert (call(IDS).numpy() != outputs).any()


def test_does_nothing_outside_training():
    np.testing.assert_array_equal(EventDropout(0.5, seed=1)(IDS), IDS)
    np.testing.assert_array_equal(EventDropout(0.0)(IDS, training=True), IDS)


def test_bad_rate_is_refused():
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\). Received: rate=1.0"):
        EventDropout(1.0)
