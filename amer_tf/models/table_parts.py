"""What the hand-made systems of task ctr are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from amer_tf.architecture import HiddenLayer
from amer_tf.features import FeatureSpec
from amer_tf.layers import SumPooling
from amer_tf.models import aggregation, components
from amer_tf.models.components import layer_name, side_by_side


class Table(NamedTuple):
    """The non-sequential fields of a batch.

    Attributes:
        inputs: `keras.Input` by field name.
        fields: Embeddings and numbers.
        flat: All of them side by side, `(B, K_0)`.
    """

    inputs: dict[str, Any]
    fields: aggregation.Fields
    flat: Any


def read_table(spec: FeatureSpec, system: str, embedding_dim: int, l2: float) -> Table:
    """Inputs and embeddings of the non-sequential fields.

    Raises:
        SpecError: Where the spec is of another task than ctr.
    """
    spec.require_task("ctr", system)
    inputs = {
        name: tensor
        for name, tensor in components.make_inputs(spec).items()
        if spec.field(name).role != "behavior"
    }
    embedding = components.make_embedding(spec, embedding_dim, l2)
    fields = aggregation.read_fields(spec, inputs, embedding)
    flat = aggregation.make_mlp_input([fields.matrix, *fields.numbers])
    return Table(inputs, fields, flat)


def linear_part(spec: FeatureSpec, inputs: dict[str, Any], l2: float) -> Any:
    """`w^T x`: the sum of one weight for each value, `(B, 1)`."""
    weights = components.make_embedding(spec, 1, l2, name="linear")
    matrix = aggregation.read_fields(spec, inputs, weights, "linear").matrix
    return SumPooling(name=layer_name("linear", "sum"))(matrix)


def deep_part(flat: Any, hidden_units: Sequence[int], dropout: float) -> Any:
    """The last hidden layer of an MLP, ReLU."""
    mlp = [HiddenLayer("relu", units=units) for units in hidden_units]
    return aggregation.make_mlp(flat, mlp, dropout)


def sum_logit(hidden: Any, *parts: Any) -> Any:
    """`w^T h + b` and the other parts, `(B,)`."""
    logit = keras.layers.Dense(1, name=layer_name("output"))(hidden)
    if parts:
        logit = keras.layers.Add(name=layer_name("sum"))([logit, *parts])
    return aggregation.scaled_logit(logit)


def joint_logit(*hidden: Any) -> Any:
    """`w^T [h_1, h_2, ...] + b`, `(B,)`."""
    return sum_logit(side_by_side("hidden", *hidden))
