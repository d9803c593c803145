"""DeepFM: the hand-made system beside a searched model of task ctr."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from amer_tf.architecture import HiddenLayer
from amer_tf.features import FeatureSpec, SpecError
from amer_tf.layers import FactorizationMachine, SumPooling
from amer_tf.models import aggregation, components
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 200, 200),
    dropout: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Builds a DeepFM over the non-sequential fields: linear part, all pairs, and an MLP.

    `z = w^T x + sum_{i < j} <e_i, e_j> + MLP([e, numbers])` (AMER, equation 15, with every pair).

    Reference: Guo et al., "DeepFM", 2017.

    Args:
        spec: What the model reads and predicts, of task ctr.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP, ReLU.
        dropout: Rate of dropout on the MLP's input and hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.
    """
    if spec.task != "ctr":
        raise SpecError(f"DeepFM is a model of task 'ctr'. Received: spec.task={spec.task!r}")
    inputs = {
        name: tensor
        for name, tensor in components.make_inputs(spec).items()
        if spec.field(name).role != "behavior"
    }
    embedding = components.make_embedding(spec, embedding_dim, l2)
    weights = components.make_embedding(spec, 1, l2, name="linear")
    fields = aggregation.read_fields(spec, inputs, embedding)
    linear = aggregation.read_fields(spec, inputs, weights, "linear")
    hidden = aggregation.make_mlp_input([fields.matrix, *fields.numbers], dropout)
    mlp = [HiddenLayer("relu", units=units) for units in hidden_units]
    hidden = aggregation.make_mlp(hidden, mlp, dropout)
    parts = [
        keras.layers.Dense(1, name=layer_name("output"))(hidden),
        FactorizationMachine(name=layer_name("pairs"))(fields.matrix),
        SumPooling(name=layer_name("linear", "sum"))(linear.matrix),
    ]
    logit = keras.layers.Add(name=layer_name("sum"))(parts)
    logit = keras.layers.Reshape((), name=layer_name("logit"))(logit)
    return keras.Model(inputs, logit, name="deepfm")
