"""Stages 2 and 3: field embeddings, interactions, the shortcut and the aggregation MLP.

Letters: `B` batch, `N` non-sequential categorical fields, `M` interactions, `K` embedding
dimension, `K_0` width of the MLP's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from amer_tf import layers
from amer_tf.architecture import Architecture, ArchitectureError, HiddenLayer
from amer_tf.features import FeatureSpec, NumericField
from amer_tf.models import components
from amer_tf.models.components import layer_name, side_by_side

NON_SEQUENTIAL = ("profile", "context", "target")
MLP_INPUT = layer_name("mlp_input")
_SCALING = layer_name("platt_scaling")


def interaction_fields(spec: FeatureSpec) -> tuple[str, ...]:
    """The fields that interactions are made of: non-sequential ones with embeddings."""
    return tuple(
        field.name
        for field in spec.with_role(*NON_SEQUENTIAL)
        if not isinstance(field, NumericField)
    )


class Fields(NamedTuple):
    """The non-sequential fields of a batch.

    Attributes:
        embedded: Embeddings `(B, K)` by field name.
        numbers: Numbers `(B, 1)` by field name.
        matrix: All embeddings, one above the other: `(B, N, K)`; None where there are none.
    """

    embedded: dict[str, Any]
    numbers: dict[str, Any]
    matrix: Any


def read_fields(spec: FeatureSpec, inputs: dict[str, Any], embedding: Any, *parts: str) -> Fields:
    """Embeds the non-sequential fields; the names of the layers start with `parts`."""
    fields = spec.with_role(*NON_SEQUENTIAL)
    read = components.side_features(spec, inputs, embedding, NON_SEQUENTIAL, *parts)
    named = {field.name: tensor for field, tensor in zip(fields, read, strict=True)}
    embedded = {name: named.pop(name) for name in interaction_fields(spec)}
    matrix = None
    if embedded:
        flat = list(embedded.values())
        if len(flat) > 1:
            flat = [keras.layers.Concatenate(name=layer_name(*parts, "fields"))(flat)]
        shape = (len(embedded), flat[0].shape[-1] // len(embedded))
        matrix = keras.layers.Reshape(shape, name=layer_name(*parts, "field_matrix"))(flat[0])
    return Fields(embedded, named, matrix)


def check_interactions(spec: FeatureSpec, architecture: Architecture) -> None:
    """Raises where an interaction names what is no such field."""
    known = interaction_fields(spec)
    for index, interaction in enumerate(architecture.interactions):
        for name in interaction:
            if name not in known:
                raise ArchitectureError(
                    f"interactions[{index}] must hold non-sequential fields with embeddings; "
                    f"those are {list(known)}. Received: {name!r}"
                )


def make_interactions(spec: FeatureSpec, architecture: Architecture, fields: Any) -> Any:
    """The architecture's interactions `(B, M, K)`, or None where it has none."""
    if not architecture.interactions:
        return None
    known = interaction_fields(spec)
    groups = [[known.index(name) for name in group] for group in architecture.interactions]
    return layers.HadamardProducts(groups, name=layer_name("interactions"))(fields)


def make_mlp_input(parts: Sequence[Any]) -> Any:
    """`h_0 = [e, numbers, p, behaviour]` of shape `(B, K_0)` (paper, section 2.1, stage 3)."""
    flat = [
        part
        if len(part.shape) == 2
        else keras.layers.Flatten(name=layer_name("flat", str(index)))(part)
        for index, part in enumerate(parts)
    ]
    return keras.layers.Concatenate(name=MLP_INPUT)(flat)


def make_mlp(
    hidden: Any, mlp: Sequence[HiddenLayer], dropout: float, *, batch_normalization: bool = False
) -> Any:
    """Hidden layers `h_l = Act(W h_{l-1} + b)` (equation 4), each with dropout.

    With `batch_normalization` they are `Act(BN(W h_{l-1} + b))`.
    """
    input_size = hidden.shape[-1]
    for index, layer in enumerate(mlp):
        name = f"hidden_{index}"
        dense = keras.layers.Dense(layer.size(input_size), name=layer_name(name))
        hidden = dense(hidden)
        if batch_normalization:
            hidden = keras.layers.BatchNormalization(name=layer_name(name, "normalization"))(hidden)
        hidden = make_activation(layer.activation, layer_name(name, "activation"))(hidden)
        hidden = layers.FusedDropout(dropout, name=layer_name(name, "dropout"))(hidden)
    return hidden


def make_activation(name: str, layer_name: str) -> keras.layers.Layer:
    """The layer of an activation of the aggregation MLP."""
    if name == "dice":
        return layers.Dice(name=layer_name)
    return keras.layers.Activation(MLP_ACTIVATION_FUNCTIONS[name], name=layer_name)


MLP_ACTIVATION_FUNCTIONS = {"relu": "relu", "swish": "silu", "identity": "linear"}


def make_shortcut(kind: str, fields: Any, interactions: Any) -> list[Any]:
    """What stands beside the last hidden layer, over fields and interactions.

    `"squeeze_excitation"` is equation 5, `(B, K)`; `"sum"` the sums of fields and of interactions,
    which with the last linear unit are a factorisation machine over chosen pairs (equation 15).
    """
    parts = [part for part in (fields, interactions) if part is not None]
    if kind == "squeeze_excitation":
        features = parts[0]
        if len(parts) > 1:
            features = keras.layers.Concatenate(axis=1, name=layer_name("features"))(parts)
        return [layers.SqueezeExcitation(name=layer_name("squeeze_excitation"))(features)]
    if kind == "sum":
        return [
            layers.SumPooling(name=layer_name("shortcut", name))(part)
            for name, part in zip(("fields", "interactions"), parts, strict=False)
        ]
    return []


def make_logit(*parts: Any) -> Any:
    """The logit `w^T h` of shape `(B,)` (equation 6)."""
    hidden = side_by_side("hidden", *parts)
    return scaled_logit(keras.layers.Dense(1, name=layer_name("output"))(hidden))


def scaled_logit(logit: Any) -> Any:
    """`(B, 1)` to `(B,)`, with the slope and intercept that `calibrate` sets after training."""
    logit = keras.layers.Reshape((), name=layer_name("logit"))(logit)
    return layers.PlattScaling(name=_SCALING)(logit)


def calibrate(model: keras.Model, slope: float, intercept: float) -> None:
    """Sets with which slope and intercept the logits of a model become chances."""
    model.get_layer(_SCALING).assign(slope, intercept)


def input_size(model: keras.Model) -> int:
    """`K_0` of a model: the width of its MLP's input."""
    return int(model.get_layer(MLP_INPUT).output.shape[-1])
