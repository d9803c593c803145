"""Harnesses for tests: what every layer must be able to do."""

from __future__ import annotations

import inspect
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from amer_tf.layers import FusedDropout

tree = keras.tree


def check_layer(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    output_shape: Any,
    num_weights: int,
    *,
    not_in_config: Sequence[str] = (),
    static_batch: bool = False,
    gradient: bool = True,
) -> None:
    """Asserts all that is asked of any layer.

    Args:
        cls: The class of the layer.
        config: Constructor arguments.
        inputs: Call argument to an array, or to a dict of arrays.
        output_shape: Expected shape, or a dict of shapes.
        num_weights: Expected number of weight arrays.
        not_in_config: Constructor arguments that are state and not configuration.
        static_batch: Whether the first axis is no batch axis, so that it must be known.
        gradient: Whether each trainable weight must receive a finite gradient.
    """
    check_shapes(cls, config, inputs, output_shape, num_weights, static_batch=static_batch)
    check_config(cls, config, inputs, not_in_config=not_in_config)
    check_saving(cls, config, inputs, static_batch=static_batch)
    check_function(cls, config, inputs, jit_compile=False)
    check_function(cls, config, inputs, jit_compile=True)
    check_mixed_precision(cls, config, inputs)
    if gradient:
        check_gradient(cls, config, inputs)


def make_layer(
    cls: type[keras.layers.Layer], config: Mapping[str, Any], inputs: Mapping[str, Any]
) -> keras.layers.Layer:
    """A built layer with weights that no initializer would give."""
    layer = cls(**config)
    layer(**inputs)
    fix_weights(layer)
    return layer


def fix_weights(layer: keras.layers.Layer, scale: float = 0.3) -> None:
    """Sets every float weight to numbers that depend on its place alone, none of them zero."""
    for index, weight in enumerate(layer.weights):
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        count = int(np.prod(weight.shape))
        values = scale * np.sin(0.7 + index + 1.3 * np.arange(count))
        if not weight.trainable:
            values = np.abs(values)  # it may be a variance
        weight.assign(values.reshape(weight.shape))


def check_shapes(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    output_shape: Any,
    num_weights: int,
    *,
    static_batch: bool = False,
) -> None:
    """Real, symbolic and computed shapes agree, and so does the number of weights."""
    layer = cls(**config)
    outputs = layer(**inputs)
    assert _shapes(outputs) == output_shape
    assert len(layer.weights) == num_weights, [weight.path for weight in layer.weights]
    symbolic = cls(**config)(**_symbolic_inputs(inputs, static_batch))
    expected = output_shape
    if not static_batch:
        expected = _map_shapes(lambda shape: (None, *shape[1:]), output_shape)
    assert _shapes(symbolic) == expected
    dtypes = tree.map_structure(lambda x: keras.backend.standardize_dtype(x.dtype), outputs)
    assert dtypes == tree.map_structure(lambda x: x.dtype, symbolic)


def check_config(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    not_in_config: Sequence[str] = (),
) -> None:
    """The config names every constructor argument, and a copy made from it computes the same."""
    layer = make_layer(cls, config, inputs)
    saved = layer.get_config()
    parameters = inspect.signature(cls.__init__).parameters.values()
    named = [
        parameter.name
        for parameter in parameters
        if parameter.name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    missing = [name for name in named if name not in saved and name not in not_in_config]
    assert not missing, f"get_config of {cls.__name__} lacks {missing}"
    for name, value in config.items():
        if name not in not_in_config:
            assert _plain(saved[name]) == _plain(value), name
    copy = cls.from_config(saved)
    assert _plain(copy.get_config()) == _plain(saved)
    copy(**inputs)
    copy.set_weights(layer.get_weights())
    assert_equal(copy(**inputs), layer(**inputs))


def check_saving(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    static_batch: bool = False,
) -> None:
    """A functional model with the layer comes back from a .keras file without custom objects."""
    symbolic = _symbolic_inputs(inputs, static_batch)
    layer = cls(**config)
    model = keras.Model(symbolic, layer(**symbolic))
    fix_weights(layer)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        model.save(file)
        loaded = keras.models.load_model(file)
    assert_equal(loaded(dict(inputs)), model(dict(inputs)))


def check_function(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    jit_compile: bool,
) -> None:
    """A graph, or XLA, computes what eager execution does."""
    layer = make_layer(cls, config, inputs)
    compiled = tf.function(lambda arguments: layer(**arguments), jit_compile=jit_compile)
    tensors = tree.map_structure(tf.convert_to_tensor, dict(inputs))
    assert_equal(compiled(tensors), layer(**inputs), atol=1e-5)


def check_mixed_precision(
    cls: type[keras.layers.Layer], config: Mapping[str, Any], inputs: Mapping[str, Any]
) -> None:
    """With float16 computation the outputs are float16, finite, and near the float32 ones."""
    layer = make_layer(cls, config, inputs)
    mixed = cls(**config, dtype="mixed_float16")
    outputs = mixed(**inputs)
    mixed.set_weights(layer.get_weights())
    assert all(weight.dtype != "float16" for weight in mixed.weights)
    outputs = mixed(**inputs)
    for value in tree.flatten(outputs):
        if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype)):
            continue
        assert keras.backend.standardize_dtype(value.dtype) == "float16"
        assert np.all(np.isfinite(value))
    assert_equal(outputs, layer(**inputs), atol=0.05, rtol=0.05)


def check_gradient(
    cls: type[keras.layers.Layer], config: Mapping[str, Any], inputs: Mapping[str, Any]
) -> None:
    """Every trainable weight receives a finite gradient."""
    layer = make_layer(cls, config, inputs)
    with tf.GradientTape() as tape:
        outputs = tree.flatten(layer(**inputs, **_training(layer)))
        loss = sum(tf.reduce_sum(value**2) for value in outputs) + sum(layer.losses)
    variables = [weight.value for weight in layer.trainable_weights]
    for weight, value in zip(layer.trainable_weights, tape.gradient(loss, variables), strict=True):
        assert value is not None, f"{weight.path} receives no gradient"
        assert np.all(np.isfinite(tf.convert_to_tensor(value))), weight.path


def assert_equal(actual: Any, expected: Any, atol: float = 1e-6, rtol: float = 1e-5) -> None:
    """Two structures of tensors are equal to float tolerance."""
    tree.assert_same_structure(actual, expected)
    for one, other in zip(tree.flatten(actual), tree.flatten(expected), strict=True):
        one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
        np.testing.assert_allclose(one, other, atol=atol, rtol=rtol)


def dropped_in_training(model: keras.Model, answer: Callable[..., Any]) -> dict[str, float]:
    """By how much each dropout of a model alone moves what it answers in training.

    Args:
        model: A model that was built with dropout.
        answer: Gives what the model makes of some batch, with the argument `training`.

    Returns: The largest difference by the name of the dropout; in inference none of them acts.
    """
    kinds = (FusedDropout, keras.layers.Dropout)
    dropouts = [
        layer for layer in model._flatten_layers() if isinstance(layer, kinds) and layer.rate
    ]
    rates = [layer.rate for layer in dropouts]
    inference = np.asarray(answer(training=False))
    for layer in dropouts:
        layer.rate = 0.0
    np.testing.assert_array_equal(answer(training=False), inference)
    without, moved = np.asarray(answer(training=True)), {}
    for layer, rate in zip(dropouts, rates, strict=True):
        layer.rate = rate
        moved[layer.name] = float(np.abs(answer(training=True) - without).max())
        layer.rate = 0.0
    for layer, rate in zip(dropouts, rates, strict=True):
        layer.rate = rate
    return moved


def _training(layer: keras.layers.Layer) -> dict[str, bool]:
    takes_it = "training" in inspect.signature(layer.call).parameters
    return {"training": True} if takes_it else {}


def _symbolic_inputs(inputs: Mapping[str, Any], static_batch: bool) -> dict[str, Any]:
    symbolic = {}
    for name, value in inputs.items():
        if isinstance(value, Mapping):
            symbolic[name] = _symbolic_inputs(value, static_batch)
            continue
        value = np.asarray(value)
        shape = value.shape if static_batch else (None, *value.shape[1:])
        symbolic[name] = keras.Input(batch_shape=shape, dtype=value.dtype.name, name=name)
    return symbolic


def _shapes(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: tuple(value.shape) for name, value in values.items()}
    return tuple(values.shape)


def _map_shapes(function: Any, shapes: Any) -> Any:
    if isinstance(shapes, Mapping):
        return {name: function(shape) for name, shape in shapes.items()}
    return function(shapes)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
