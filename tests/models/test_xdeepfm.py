"""xDeepFM against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.models import xdeepfm
from tests.models.ctr_contract import (
    SPEC,
    TableContract,
    deep_part,
    field_matrix,
    flat_input,
    linear_part,
    output,
    scaled_logit,
)


class TestXdeepfm(TableContract):
    system, title, num_fields = xdeepfm, "xDeepFM", 1
    options = TableContract.options | {"cin_sizes": (4, 2)}

    def expected(self, model, inputs):
        fields = states = field_matrix(model, inputs)
        rows = []
        for kernel in model.get_layer("amer.cin").get_weights():
            kernel = kernel.reshape(len(kernel), states.shape[1], fields.shape[1])
            states = np.einsum("hij,bid,bjd->bhd", kernel, states, fields)
            rows.append(states.sum(axis=-1))
        deep = deep_part(model, flat_input(model, inputs))
        assert [row.shape for row in rows] == [(len(deep), 4), (len(deep), 2)]
        return scaled_logit(model, output(model, deep, *rows), linear_part(model, inputs))

    def test_refuses_no_layers(self):
        with pytest.raises(ValueError, match=r"positive integers. Received: sizes=\(\)"):
            xdeepfm.build(SPEC, cin_sizes=())
