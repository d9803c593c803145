"""NFM against NumPy."""

from __future__ import annotations

import numpy as np

from amer_tf.models import nfm
from tests.models.ctr_contract import (
    SPEC,
    TableContract,
    beside,
    deep_part,
    dense,
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


class TestNfmWithBatchNormalization(TableContract):
    """That of the paper: the pooled pairs and `W h + b` normalised, as in inference."""

    system, title, num_fields = nfm, "NFM", 2
    options = TableContract.options | {"batch_normalization": True}

    def expected(self, model, inputs):
        pooled = pair_products(model, inputs).sum(axis=1)
        pooled = normalized(model, "amer.pairs.normalization", pooled)
        hidden = np.concatenate([pooled, *beside(model, inputs)], axis=1)
        for index in range(2):
            name = f"amer.hidden_{index}"
            hidden = normalized(model, f"{name}.normalization", dense(model, name, hidden))
            hidden = np.maximum(hidden, 0)
        return scaled_logit(model, output(model, hidden), linear_part(model, inputs))

    def test_the_running_means_move_in_training(self, model):
        layer = model.get_layer("amer.pairs.normalization")
        before = np.array(layer.moving_mean)
        model(self.inputs(self.spec), training=True)
        assert np.abs(np.asarray(layer.moving_mean) - before).max() > 0


def normalized(model, name, values):
    layer = model.get_layer(name)
    scale, shift, mean, variance = layer.get_weights()
    return scale * (values - mean) / np.sqrt(variance + layer.epsilon) + shift


def test_has_no_normalization_unless_asked_for():
    names = [layer.name for layer in nfm.build(SPEC).layers]
    assert not [name for name in names if "normalization" in name]
