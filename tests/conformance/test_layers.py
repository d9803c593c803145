"""Every layer against every property."""

from __future__ import annotations

import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf import layers
from tests import helpers
from tests.conformance.descriptions import DESCRIPTIONS, Description

OF_KERAS_RS = {"FeatureCross"}

every_layer = pytest.mark.parametrize("name", sorted(DESCRIPTIONS))


def test_every_public_layer_is_described():
    public = {
        name
        for name in layers.__all__
        if isinstance(getattr(layers, name), type)
        and issubclass(getattr(layers, name), keras.layers.Layer)
    }
    assert public == set(DESCRIPTIONS)
    assert all(DESCRIPTIONS[name].cls.__name__ == name for name in public)


def test_every_layer_defined_in_the_package_is_public_and_registered():
    defined = set()
    for file in pathlib.Path(layers.__file__).parent.glob("*.py"):
        found = re.findall(r"^class (\w+)\(keras\.layers\.Layer\)", file.read_text(), re.MULTILINE)
        defined.update(found)
    # The cells are parts of the GRUs that Keras needs as layers of their own.
    ours = DESCRIPTIONS.keys() - OF_KERAS_RS
    assert defined == {*ours, "AttentionalGruCell", "BidirectionalGruCell"}
    for name in defined:
        assert keras.saving.get_registered_object(f"amer_tf>{name}").__name__ == name


@every_layer
def test_shapes(name: str):
    case = DESCRIPTIONS[name]
    helpers.check_shapes(
        **case.arguments(),
        output_shape=case.output_shape,
        num_weights=case.num_weights,
        static_batch=case.static_batch,
    )


@every_layer
def test_config(name: str):
    case = DESCRIPTIONS[name]
    helpers.check_config(**case.arguments(), not_in_config=case.options.get("not_in_config", ()))


@every_layer
def test_save(name: str):
    case = DESCRIPTIONS[name]
    helpers.check_saving(**case.arguments(), static_batch=case.static_batch)


@every_layer
def test_saved_model(name: str, tmp_path: pathlib.Path):
    case = DESCRIPTIONS[name]
    layer = helpers.make_layer(**case.arguments())
    module = tf.Module()
    module.layer = layer
    tensors = keras.tree.map_structure(tf.convert_to_tensor, dict(case.inputs))
    module.serve = tf.function(lambda arguments: layer(**arguments))
    module.serve.get_concrete_function(tensors)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    helpers.assert_equal(loaded.serve(tensors), layer(**case.inputs), atol=1e-5)


@every_layer
def test_function(name: str):
    helpers.check_function(**DESCRIPTIONS[name].arguments(), jit_compile=False)


@every_layer
def test_xla(name: str):
    helpers.check_function(**DESCRIPTIONS[name].arguments(), jit_compile=True)


@every_layer
def test_mixed_precision(name: str):
    helpers.check_mixed_precision(**DESCRIPTIONS[name].arguments())


@every_layer
def test_gradient(name: str):
    case = DESCRIPTIONS[name]
    if not case.options.get("gradient", True):
        assert not helpers.make_layer(**case.arguments()).trainable_weights
        return
    helpers.check_gradient(**case.arguments())


# Its weights tell how long the sequence is; the sessions of another have a test of their own.
_OF_A_FIXED_LENGTH = (layers.SessionBias, layers.SessionDivision)
_WEIGHTS_OF_STEPS = ("BilinearAttention", "LocalActivationUnit")


def _takes_a_sequence(case: Description) -> bool:
    if case.cls in _OF_A_FIXED_LENGTH:
        return False
    mask = case.inputs.get("mask", case.inputs.get("states_mask"))
    return mask is not None and ("states" in case.inputs or "embeddings" in case.inputs)


@pytest.mark.parametrize(
    "name", [name for name in sorted(DESCRIPTIONS) if _takes_a_sequence(DESCRIPTIONS[name])]
)
@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (2, 3)])
def test_padding_changes_nothing(name: str, before: int, after: int):
    """Longer padding, on either side, changes no result at a valid step."""
    case = DESCRIPTIONS[name]
    layer = helpers.make_layer(**case.arguments())
    expected = np.asarray(layer(**case.inputs))
    padded = {
        argument: _pad(value, argument, before, after) for argument, value in case.inputs.items()
    }
    actual = np.asarray(layer(**padded))
    if actual.shape != expected.shape:  # the steps are an axis of the output
        axis = -1 if name in _WEIGHTS_OF_STEPS else -2
        steps = np.arange(before, before + expected.shape[axis])
        outside = np.delete(actual, steps, axis=axis)
        np.testing.assert_array_equal(outside, 0.0)
        actual = np.take(actual, steps, axis=axis)
    np.testing.assert_allclose(actual, expected, atol=2e-6)


def _pad(value: np.ndarray, argument: str, before: int, after: int) -> np.ndarray:
    if argument in ("mask", "states_mask", "attention"):
        return np.pad(value, [(0, 0)] * (value.ndim - 1) + [(before, after)])
    if argument in ("states", "events", "embeddings"):
        return np.pad(value, [(0, 0)] * (value.ndim - 2) + [(before, after), (0, 0)])
    return value
