"""DCN against NumPy."""

from __future__ import annotations

from amer_tf.models import dcn
from tests.models.ctr_contract import TableContract, deep_part, flat_input, output, scaled_logit


class TestDcn(TableContract):
    system, title = dcn, "DCN"
    options = TableContract.options | {"num_crosses": 2}

    def expected(self, model, inputs):
        states = first = flat_input(model, inputs)
        for index in range(2):
            kernel, bias = model.get_layer(f"amer.cross.{index}").get_weights()
            states = first * (states @ kernel)[:, None] + bias + states
        return scaled_logit(model, output(model, states, deep_part(model, first)))
