"""IPNN against NumPy."""

from __future__ import annotations

import numpy as np

from amer_tf.models import ipnn
from tests.models.ctr_contract import (
    TableContract,
    beside,
    deep_part,
    field_matrix,
    output,
    pair_products,
    scaled_logit,
)


class TestIpnn(TableContract):
    system, title, num_fields = ipnn, "IPNN", 2

    def expected(self, model, inputs):
        fields, products = field_matrix(model, inputs), pair_products(model, inputs).sum(axis=2)
        parts = [fields.reshape(len(fields), -1), products, *beside(model, inputs)]
        return scaled_logit(model, output(model, deep_part(model, np.concatenate(parts, axis=1))))
