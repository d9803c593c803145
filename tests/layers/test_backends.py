"""The layers on the JAX backend of Keras, where there is no TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests import helpers
from tests.conformance.descriptions import DESCRIPTIONS

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="jax is not installed, so Keras has no second backend to run the layers on",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Weights and outputs of every layer on this process's backend."""
    arrays = {}
    for name, case in DESCRIPTIONS.items():
        layer = helpers.make_layer(**case.arguments())
        for index, weight in enumerate(layer.get_weights()):
            arrays[f"{name}/weights/{index}"] = weight
        for index, value in enumerate(keras.tree.flatten(layer(**case.inputs))):
            arrays[f"{name}/outputs/{index}"] = np.asarray(value)
    file = tmp_path_factory.mktemp("results") / "results.npz"
    np.savez(file, **arrays)
    return file


def run_on_jax(*arguments: str) -> str:
    # Each program runs once: it is to be compiled soon, not well.
    options = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    environment = {**os.environ, "KERAS_BACKEND": "jax", **options}
    path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    process = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests/layers/run_on_jax.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    return process.stdout


@needs_jax
@pytest.mark.slow
def test_jax_computes_the_same_where_tensorflow_cannot_be_imported(results: pathlib.Path):
    output = run_on_jax(str(results), "block")
    assert f"{len(DESCRIPTIONS)} layers; tensorflow imported: False" in output


def test_the_sources_import_keras_and_numpy_at_most():
    """Without jax at hand this is what can be checked of the promise above."""
    for file in (REPOSITORY / "amer_tf/layers").glob("*.py"):
        assert "tensorflow" not in [
            line.split()[1].partition(".")[0]
            for line in file.read_text().splitlines()
            if line.startswith(("import ", "from "))
        ], file
