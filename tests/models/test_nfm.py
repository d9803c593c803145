"""NFM against NumPy."""

from __future__ import annotations

import numpy as np

from amer_tf.models import nfm
from tests.models.ctr_contract import (
    TableContract,
    beside,
    deep_part,
    linear_part,
    output,
    pair_products,
    scaled_logit,
)


class TestNfm(TableContract):
    system, title, num_fields = nfm, "NFM", 2

    def expected(self, model, inputs):
        pooled = pair_products(model, inputs).sum(axis=1)
        flat = np.concatenate([pooled, *beside(model, inputs)], axis=1)
        deep = output(model, deep_part(model, flat))
        return scaled_logit(model, deep, linear_part(model, inputs))
