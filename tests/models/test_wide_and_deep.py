"""Wide & Deep against NumPy."""

from __future__ import annotations

from amer_tf.models import wide_and_deep
from tests.models.ctr_contract import (
    TableContract,
    deep_part,
    flat_input,
    linear_part,
    output,
    scaled_logit,
)


class TestWideAndDeep(TableContract):
    system, title, num_fields = wide_and_deep, "Wide & Deep", 1

    def expected(self, model, inputs):
        deep = output(model, deep_part(model, flat_input(model, inputs)))
        return scaled_logit(model, deep, linear_part(model, inputs))
