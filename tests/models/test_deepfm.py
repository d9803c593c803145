"""DeepFM against NumPy."""

from __future__ import annotations

from amer_tf.models import deepfm
from tests.models.ctr_contract import (
    TableContract,
    deep_part,
    flat_input,
    linear_part,
    output,
    pair_products,
    scaled_logit,
)


class TestDeepfm(TableContract):
    system, title, num_fields = deepfm, "DeepFM", 1

    def expected(self, model, inputs):
        deep = output(model, deep_part(model, flat_input(model, inputs)))
        pairs = pair_products(model, inputs).sum(axis=(1, 2))
        return scaled_logit(model, deep, pairs, linear_part(model, inputs))
