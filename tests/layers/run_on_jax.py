"""Runs every described layer on the JAX backend of Keras: `run_on_jax.py FILE.npz [block]`.

The file holds weights and outputs of another backend under `<layer>/weights/<index>` and
`<layer>/outputs/<index>`. With `block`, importing TensorFlow fails, as where it is not installed.
"""

from __future__ import annotations

import sys
from typing import Any


class TensorFlowBlocker:
    """An import hook that knows no TensorFlow."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)


def main(file: str) -> None:
    import jax
    import keras
    import numpy as np

    from tests.conformance.descriptions import DESCRIPTIONS

    assert keras.backend.backend() == "jax"

    def symbolic(value):
        return keras.KerasTensor(value.shape, value.dtype.name)

    expected = np.load(file)
    for name, case in DESCRIPTIONS.items():
        layer = case.cls(**case.config)
        # A symbolic call builds the weights; an eager one would compile each operation alone.
        layer(**keras.tree.map_structure(symbolic, dict(case.inputs)))
        layer.set_weights(
            [expected[f"{name}/weights/{index}"] for index in range(len(layer.weights))]
        )
        trainable = [variable.value for variable in layer.trainable_variables]
        fixed = [variable.value for variable in layer.non_trainable_variables]

        def loss(trainable, inputs, layer=layer, fixed=fixed):
            outputs, _ = layer.stateless_call(trainable, fixed, **inputs)
            outputs = keras.tree.flatten(outputs)
            squares = [keras.ops.sum(keras.ops.cast(value, "float32") ** 2) for value in outputs]
            return sum(squares), outputs

        compute = jax.jit(jax.value_and_grad(loss, has_aux=True))
        (_, outputs), gradients = compute(trainable, dict(case.inputs))
        for index, value in enumerate(outputs):
            wanted = expected[f"{name}/outputs/{index}"]
            np.testing.assert_allclose(value, wanted, atol=1e-5, rtol=1e-5, err_msg=name)
        assert all(np.all(np.isfinite(value)) for value in gradients), name
    print(f"{len(DESCRIPTIONS)} layers; tensorflow imported: {'tensorflow' in sys.modules}")


if __name__ == "__main__":
    if "block" in sys.argv[2:]:
        sys.meta_path.insert(0, TensorFlowBlocker())
    main(sys.argv[1])
