"""DCN-V2 against NumPy."""

from __future__ import annotations

import subprocess
import sys

import keras_rs
import numpy as np
import pytest

from amer_tf.models import dcnv2
from tests.models.ctr_contract import (
    HYBRID,
    TableContract,
    batch,
    deep_part,
    flat_input,
    output,
    scaled_logit,
)
from tests.test_package import ROOT

LOADED = """
import sys
import numpy as np
import amer_tf, keras
model = keras.models.load_model(sys.argv[1])
inputs = dict(np.load(sys.argv[2]))
expected = inputs.pop("expected")
np.testing.assert_allclose(model(inputs), expected, rtol=1e-5, atol=1e-6)
"""


class TestDcnv2(TableContract):
    system, title = dcnv2, "DCN-V2"
    options = TableContract.options | {"num_crosses": 2}

    def expected(self, model, inputs):
        states = first = flat_input(model, inputs)
        for index in range(2):
            kernel, bias = model.get_layer(f"amer.cross.{index}").get_weights()
            states = first * (states @ kernel + bias) + states
        return scaled_logit(model, output(model, states, deep_part(model, first)))

    def test_the_crosses_are_those_of_keras_rs(self, model):
        for index in range(2):
            assert type(model.get_layer(f"amer.cross.{index}")) is keras_rs.layers.FeatureCross

    @pytest.mark.slow
    def test_a_process_that_imports_the_library_alone_loads_it(self, model, tmp_path):
        inputs = batch(HYBRID)
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "rows.npz", expected=model(inputs), **inputs)
        files = [str(tmp_path / name) for name in ("model.keras", "rows.npz")]
        subprocess.run([sys.executable, "-c", LOADED, *files], cwd=ROOT, check=True)
