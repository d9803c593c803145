"""What a SavedModel itself answers to a request that is wrong, with no server in between."""

from __future__ import annotations

import re

import pytest
import tensorflow as tf

SIGNATURES = {
    "strings": ("serving_default", "recommend"),
    "attention": ("serving_default", "predict_ragged", "score_candidates", "predict_examples"),
}


def some_signature(test):
    cases = [(model, name) for model, names in SIGNATURES.items() for name in names]
    return pytest.mark.parametrize(("exported", "name"), cases, indirect=["exported"])(test)


def request(function):
    """An empty request with every input."""
    specs = function.structured_input_signature[1]
    return {
        name: tf.zeros([0] * (spec.shape.rank or 0), spec.dtype) for name, spec in specs.items()
    }


@some_signature
def test_a_missing_column_is_named(exported, name):
    function = exported.loaded.signatures[name]
    whole = request(function)
    for column in whole:
        rest = {other: tensor for other, tensor in whole.items() if other != column}
        with pytest.raises(TypeError, match=rf"missing .*\b{column}\b"):
            function(**rest)


@some_signature
def test_a_column_that_is_none_of_its_own_is_named(exported, name):
    function = exported.loaded.signatures[name]
    with pytest.raises(TypeError, match="no_such_column"):
        function(**request(function), no_such_column=tf.zeros([0]))


@some_signature
def test_a_wrong_type_is_told_by_the_number_that_the_readme_gives(exported, name):
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    section = text.split(f"## {name}\n")[1].split("\n## ")[0]
    numbers = {column: int(n) for n, column in re.findall(r"\| (\d+) \| `(\w+)` \|", section)}
    function = exported.loaded.signatures[name]
    whole = request(function)
    assert set(numbers) == set(whole)
    for column, tensor in whole.items():
        # Bytes for numbers, and numbers for text: TensorFlow converts neither.
        wrong = tf.int32 if tensor.dtype == tf.string else tf.string
        asked = {**whole, column: tf.zeros(tensor.shape, wrong)}
        wanted = tensor.dtype.name.replace("float32", "float")
        message = (
            rf"input #{numbers[column]}\(zero-based\) was expected to be a {wanted} tensor "
            rf"but is a {wrong.name} tensor"
        )
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            function(**asked)
