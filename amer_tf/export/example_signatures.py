"""Signatures that take serialised `tf.Example`s: Predict, Classify and Regress.

Letters: `B` rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from amer_tf.export import example_requests
from amer_tf.export.columns import Column, step_field
from amer_tf.export.examples import ExampleParser
from amer_tf.export.signatures import Signature
from amer_tf.features import FeatureSpec, MultiValuedField

# What the parts are called that model servers look for.
_INPUTS, _CLASSES, _SCORES, _OUTPUTS = "inputs", "classes", "scores", "outputs"


def predict_examples(spec: FeatureSpec, rows: Signature, summary: str = "") -> Signature:
    """What a signature answers, from serialised `tf.Example`s.

    Args:
        spec: The fitted spec.
        rows: The signature of raw columns.
        summary: What is to be said of lists beside what this function knows.
    """
    separators = {
        field.name: field.separator
        for field in spec.input_fields
        if isinstance(field, MultiValuedField) and field.role == "behavior"
    }
    parser = ExampleParser(rows.inputs, separators, step_field(spec))
    nested = "".join(
        f" `{name}` holds one text for each step, with `{separator}` between its values."
        for name, separator in separators.items()
    )
    blurred = [f"`{column.name}`" for column in rows.inputs if column.dtype == tf.float64]
    if blurred:
        nested += (
            " A `tf.Example` holds numbers as float32 alone, which rounds "
            f"{', '.join(blurred)}: where that matters ask `{rows.name}`."
        )
    examples = Column(
        "examples",
        tf.string,
        ("batch",),
        note=f"serialised `tf.Example`s; their features are the inputs of `{rows.name}`",
    )

    def compute(raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return rows.compute(parser(tf.ensure_shape(raw[examples.name], [None])))

    return Signature(
        name="predict_examples",
        summary="The same from serialised `tf.Example`s. Any feature may be absent."
        + summary
        + nested,
        inputs=(examples,),
        outputs=rows.outputs,
        compute=compute,
        example={examples.name: [example_requests.serialize(rows.example, separators)]},
    )


def classify_examples(examples: Signature, probability: str) -> Signature:
    """The classes 0 and 1 with their chances, as the method Classify of model servers gives them.

    Args:
        examples: A signature of serialised `tf.Example`s.
        probability: Which of its outputs is the chance of the class 1, `(B,)`.
    """
    axes = ("batch", "classes")

    def compute(raw: Mapping[str, Any]) -> dict[str, Any]:
        chances = _answer(examples, raw)[probability]
        scores = tf.stack([1.0 - chances, chances], axis=1)  # [B, 2]
        classes = tf.broadcast_to(tf.constant([["0", "1"]]), tf.shape(scores))
        return {_CLASSES: classes, _SCORES: scores}

    return _renamed(
        examples,
        name="classify_examples",
        summary="The chances of the labels 0 and 1, for the method Classify of model servers.",
        outputs=(
            Column(_CLASSES, tf.string, axes, note="the labels"),
            Column(_SCORES, tf.float32, axes, note="their chances"),
        ),
        compute=compute,
        method="classify",
    )


def regress_examples(examples: Signature, probability: str) -> Signature:
    """The chance of the label 1 as the number that the method Regress of model servers gives.

    The arguments are those of `classify_examples`.
    """

    def compute(raw: Mapping[str, Any]) -> dict[str, Any]:
        return {_OUTPUTS: _answer(examples, raw)[probability]}

    return _renamed(
        examples,
        name="regress_examples",
        summary="The chance of the label 1, for the method Regress of model servers.",
        outputs=(Column(_OUTPUTS, tf.float32, ("batch",), note="the chance of the label 1"),),
        compute=compute,
        method="regress",
    )


def _answer(examples: Signature, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    [column] = examples.inputs
    return examples.compute({column.name: raw[_INPUTS]})


def _renamed(examples: Signature, **changes: Any) -> Signature:
    """The signature with its input called as model servers want it."""
    [column] = examples.inputs
    return dataclasses.replace(
        examples,
        inputs=(dataclasses.replace(column, name=_INPUTS),),
        example={_INPUTS: examples.example[column.name]},
        **changes,
    )
