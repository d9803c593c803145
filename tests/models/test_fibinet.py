"""FiBiNET against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from amer_tf.models import fibinet
from tests.models.ctr_contract import (
    FIELDS,
    SPEC,
    TableContract,
    beside,
    deep_part,
    field_matrix,
    linear_part,
    output,
    scaled_logit,
)

PAIRS = list(itertools.combinations(range(len(FIELDS)), 2))


def bilinear_pairs(layer, fields):
    (kernel,) = layer.get_weights()
    position = {
        "all": lambda i, j: 0,
        "each": lambda i, j: i,
        "interaction": lambda i, j: PAIRS.index((i, j)),
    }[layer.kind]
    return [fields[:, i] @ kernel[position(i, j)] * fields[:, j] for i, j in PAIRS]


class TestFibinet(TableContract):
    system, title, num_fields = fibinet, "FiBiNET", 2
    options = TableContract.options | {"reduction_ratio": 2}

    def expected(self, model, inputs):
        fields = field_matrix(model, inputs)
        squeeze, excite = model.get_layer("amer.weighted_fields").get_weights()
        gates = np.maximum(np.maximum(fields.mean(axis=2) @ squeeze, 0) @ excite, 0)
        assert (gates > 0).any()
        pairs = [
            *bilinear_pairs(model.get_layer("amer.pairs.fields"), fields),
            *bilinear_pairs(
                model.get_layer("amer.pairs.weighted_fields"), gates[..., None] * fields
            ),
        ]
        flat = np.concatenate([*pairs, *beside(model, inputs)], axis=1)
        deep = output(model, deep_part(model, flat))
        return scaled_logit(model, deep, linear_part(model, inputs))


class TestOneMatrix(TestFibinet):
    options = TestFibinet.options | {"bilinear": "all"}


class TestMatrixOfEachField(TestFibinet):
    options = TestFibinet.options | {"bilinear": "each"}


def test_a_matrix_of_each_pair_unless_told_otherwise():
    layer = fibinet.build(SPEC, embedding_dim=3).get_layer("amer.pairs.fields")
    assert layer.kind == "interaction"


def test_refuses_another_kind_of_pairs():
    with pytest.raises(ValueError, match="`kind` must be one of .*Received: kind='field'"):
        fibinet.build(SPEC, bilinear="field")
