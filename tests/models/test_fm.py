"""FM against NumPy."""

from __future__ import annotations

from amer_tf.models import fm
from tests.models.ctr_contract import (
    HISTORIES,
    TableContract,
    linear_part,
    pair_products,
    scaled_logit,
)


class TestFm(TableContract):
    system, title, num_fields = fm, "FM", 2
    options, of_training = {"embedding_dim": 3}, {"l2": 1e-3}
    unread = HISTORIES

    def expected(self, model, inputs):
        pairs = pair_products(model, inputs).sum(axis=(1, 2))
        (bias,) = model.get_layer("amer.output").get_weights()
        return scaled_logit(model, pairs, linear_part(model, inputs), bias)
