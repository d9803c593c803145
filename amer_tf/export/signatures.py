"""What a SavedModel can be asked, as traced functions with the story of their columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import Column, check_names

METHOD_NAMES = {
    "predict": "tensorflow/serving/predict",
    "classify": "tensorflow/serving/classify",
    "regress": "tensorflow/serving/regress",
}


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature of a SavedModel.

    Args:
        name: The key under which servers know it.
        summary: What it answers, in a sentence or two.
        inputs: What a request carries.
        outputs: What it answers.
        compute: From a tensor for each input to a tensor for each output, both by name.
        example: A request: for each input nested lists, or serialised bytes.
        method: Which method of a model server answers it: a key of `METHOD_NAMES`.
    """

    name: str
    summary: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    compute: Callable[[dict[str, Any]], Mapping[str, Any]]
    example: Mapping[str, Any]
    method: str = "predict"

    def __post_init__(self) -> None:
        check_names(self.inputs)
        check_names(self.outputs)

    def function(self) -> Any:
        """A `tf.function` that writes the defaults of its inputs into the SavedModel.

        TensorFlow reads them off the last arguments of the function.
        """
        needed = {
            column.name: column.tensor_spec for column in self.inputs if column.default is None
        }
        optional = {
            column.name: column.tensor_spec for column in self.inputs if column.default is not None
        }
        defaults = {
            column.name: tf.convert_to_tensor(column.default, column.dtype)
            for column in self.inputs
            if column.default is not None
        }

        def answer(required: Any, others: Any = defaults) -> Any:
            return dict(self.compute({**required, **others}))

        def answer_all(required: Any) -> Any:
            return dict(self.compute(required))

        # Nothing in it needs autograph, which would read and rewrite every function that it calls.
        if not optional:
            return tf.function(answer_all, input_signature=[needed], autograph=False)
        return tf.function(answer, input_signature=[needed, optional], autograph=False)

    def example_tensors(self) -> dict[str, Any]:
        """The example request as tensors."""
        return {
            column.name: tf.constant(self.example[column.name], column.dtype)
            for column in self.inputs
        }
