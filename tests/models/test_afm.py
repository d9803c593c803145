"""AFM against NumPy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from amer_tf.models import afm
from tests.models.ctr_contract import (
    HISTORIES,
    SPEC,
    TableContract,
    linear_part,
    output,
    pair_products,
    scaled_logit,
)


class TestAfm(TableContract):
    system, title, num_fields = afm, "AFM", 2
    options: ClassVar[dict[str, Any]] = {"embedding_dim": 3, "attention_units": 5}
    unread = HISTORIES

    def expected(self, model, inputs):
        products = pair_products(model, inputs)
        kernel, bias, projection = model.get_layer("amer.attention").get_weights()
        weights = np.exp(np.maximum(products @ kernel + bias, 0) @ projection)
        pooled = (products * weights / weights.sum(axis=1, keepdims=True)).sum(axis=1)
        return scaled_logit(model, output(model, pooled), linear_part(model, inputs))

    def test_refuses_no_attention_units(self):
        with pytest.raises(ValueError, match="must be a positive integer. Received: units=0"):
            afm.build(SPEC, attention_units=0)
