"""The plain DNN against NumPy, and against the model of the same architecture."""

from __future__ import annotations

import keras
import numpy as np

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.models import amer, dnn
from tests.models.ctr_contract import (
    SPEC,
    TableContract,
    batch,
    deep_part,
    flat_input,
    output,
    scaled_logit,
)


class TestDnn(TableContract):
    system, title = dnn, "DNN"

    def expected(self, model, inputs):
        return scaled_logit(model, output(model, deep_part(model, flat_input(model, inputs))))


def test_is_the_model_of_an_mlp_alone():
    keras.utils.set_random_seed(0)
    model = dnn.build(SPEC, embedding_dim=3, hidden_units=(6, 5))
    keras.utils.set_random_seed(0)
    mlp = (HiddenLayer("relu", units=6), HiddenLayer("relu", units=5))
    same = amer.build(SPEC, Architecture(mlp=mlp), embedding_dim=3)
    np.testing.assert_array_equal(model(batch(SPEC)), same(batch(SPEC)))
