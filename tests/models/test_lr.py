"""LR against NumPy."""

from __future__ import annotations

import numpy as np

from amer_tf.models import lr
from tests.models.ctr_contract import HISTORIES, SPEC, TableContract, linear_part, scaled_logit


class TestLr(TableContract):
    system, title, num_fields = lr, "LR", 1
    options, of_training = {}, {"l2": 1e-3}
    unread = HISTORIES

    def expected(self, model, inputs):
        (bias,) = model.get_layer("amer.output").get_weights()
        return scaled_logit(model, linear_part(model, inputs), bias)

    def test_a_weight_for_each_value_and_number_and_a_bias(self):
        weights = lr.build(SPEC).trainable_weights
        rows = sum(vocabulary.num_rows for vocabulary in SPEC.vocabularies)
        assert sum(int(np.prod(weight.shape)) for weight in weights) == rows + 2
