import numpy as np
import pytest

from amer_tf.layers import ClozeMask
from tests import helpers
from tests.conformance.descriptions import MASK


def test_layer_contract():
    helpers.check_layer(
        ClozeMask,
        config={"rate": 0.4, "seed": 3},
        inputs={"valid": MASK},
        output_shape={"mask": (4, 7), "asked": (4, 7)},
        num_weights=0,
        gradient=False,
    )


def test_only_the_added_step_is_asked_for_outside_training():
    found = ClozeMask(0.5)(MASK)
    np.testing.assert_array_equal(found["mask"], np.pad(MASK, [(0, 0), (0, 1)], constant_values=1))
    np.testing.assert_array_equal(found["asked"], np.eye(7, dtype=bool)[[6] * 4])


def test_a_fraction_of_the_valid_steps_is_hidden_in_training():
    mask = np.arange(20) < np.arange(1000)[:, None] % 21
    layer = ClozeMask(0.3, seed=1)
    first, second = (np.asarray(layer(mask, training=True)["asked"]) for _ in range(2))
    assert first[:, -1].all()
    assert not first[:, :-1][~mask].any()
    assert first[:, :-1][mask].mean() == pytest.approx(0.3, abs=0.01)
    assert (first != second).any()


def test_a_rate_of_zero_hides_nothing():
    layer = ClozeMask(0.0)
    np.testing.assert_array_equal(layer(MASK, training=True)["asked"], layer(MASK)["asked"])


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_refuses_another_rate(rate: float):
    with pytest.raises(ValueError, match=rf"`rate` must be in \[0, 1\).*rate={rate}"):
        ClozeMask(rate)
