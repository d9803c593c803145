import keras
import numpy as np
import pytest

from amer_tf.layers import FieldReweighting
from tests import helpers
from tests.conformance.descriptions import STATES


def test_layer_contract():
    helpers.check_layer(
        FieldReweighting,
        config={"reduction_ratio": 2},
        inputs={"fields": STATES},
        output_shape=STATES.shape,
        num_weights=2,
    )


def test_values_by_hand():
    # z = (2, 3), z W_1 = 2 - 1 = 1, gates relu(.5) and relu(-1).
    fields = np.array([[[1.0, 3.0], [4.0, 2.0]]], "float32")
    layer = FieldReweighting()
    layer.build(fields.shape)
    layer.set_weights([np.array([[1.0], [-1 / 3]]), np.array([[0.5, -1.0]])])
    np.testing.assert_allclose(layer(fields), [[[0.5, 1.5], [0.0, 0.0]]], rtol=1e-6)


@pytest.mark.parametrize(("ratio", "units"), [(1, 6), (3, 2), (4, 1), (9, 1)])
def test_units_between(ratio: int, units: int):
    layer = FieldReweighting(ratio)
    layer.build((None, 6, 8))
    assert [tuple(weight.shape) for weight in layer.weights] == [(6, units), (units, 6)]


def test_refuses_a_ratio_of_zero():
    with pytest.raises(ValueError, match="positive integer. Received: reduction_ratio=0"):
        FieldReweighting(0)


def test_refuses_an_unknown_number_of_fields():
    with pytest.raises(ValueError, match="needs a known number of fields. Received: .*None"):
        FieldReweighting()(keras.Input((None, 8)))
