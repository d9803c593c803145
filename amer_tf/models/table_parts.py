"""What the hand-made systems of task ctr are put together from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import keras

from amer_tf.architecture import HiddenLayer
from amer_tf.features import FeatureSpec, SpecError
from amer_tf.layers import Bias, SumPooling
from amer_tf.models import aggregation, components
from amer_tf.models.behavior_parts import Behavior, make_target_pooling, target_state
from amer_tf.models.components import layer_name, side_by_side

# From the inputs and the behaviour with its target to what is read of it, `(B, ...)` each.
Interests: TypeAlias = Callable[[dict[str, Any], Behavior], Sequence[Any]]


class Table(NamedTuple):
    """What a hand-made system reads of a batch.

    Attributes:
        inputs: `keras.Input` by field name.
        fields: Embeddings and numbers of the non-sequential fields.
        others: What stands beside the embeddings in an MLP's input: numbers, summed behaviour.
        flat: Fields, numbers and the summed behaviour side by side, `(B, K_0)`.
    """

    inputs: dict[str, Any]
    fields: aggregation.Fields
    others: list[Any]
    flat: Any


def read_table(
    spec: FeatureSpec,
    system: str,
    embedding_dim: int,
    l2: float,
    *,
    attention: bool = False,
    interests: Interests | None = None,
) -> Table:
    """Inputs and embeddings; a behaviour is read by sum pooling (AMER, appendix C.3).

    Args:
        spec: What the model reads and predicts.
        system: Name of the system, for the error.
        embedding_dim: `K`.
        l2: Weight of the squared embeddings that a batch gathers.
        attention: Whether the attention from the target stands beside the sum.
        interests: What else stands beside the sum, or None.

    Raises:
        SpecError: Where the spec is of another task than ctr.
    """
    spec.require_task("ctr", system)
    inputs = components.make_inputs(spec)
    embedding = components.make_embedding(spec, embedding_dim, l2)
    fields = aggregation.read_fields(spec, inputs, embedding)
    others = list(fields.numbers.values())
    if spec.with_role("behavior"):
        # No recency embedding: it is ours.
        states = components.behavior_embeddings(spec, inputs, embedding)
        mask = components.history_mask(spec, inputs)
        others.append(SumPooling(name=layer_name("behavior_sum"))(states, mask))
        if attention or interests is not None:
            target = target_state(spec, fields, states.shape[-1])
        if attention:
            others.append(make_target_pooling()(states, target, mask))
        if interests is not None:
            others += interests(inputs, Behavior(states, mask, target))
    embedded = [] if fields.matrix is None else [fields.matrix]
    flat = aggregation.make_mlp_input([*embedded, *others])
    return Table(inputs, fields, others, flat)


def has_fields(spec: FeatureSpec, count: int) -> bool:
    """Whether a spec has so many non-sequential fields with embeddings."""
    return len(aggregation.interaction_fields(spec)) >= count


def require_fields(spec: FeatureSpec, system: str, count: int = 2) -> None:
    """Raises `SpecError` where there are fewer such fields."""
    if not has_fields(spec, count):
        raise SpecError(
            f"{system} needs {count} or more categorical profile, context or target fields. "
            f"Received: {list(aggregation.interaction_fields(spec))}"
        )


def has_target(spec: FeatureSpec) -> bool:
    """Whether there is a target that a system could attend from."""
    return bool(spec.target_to_behavior)


def require_target(spec: FeatureSpec, system: str) -> None:
    """Raises `SpecError` where there is no such target."""
    if not has_target(spec):
        raise SpecError(
            f"{system} needs a target field that is mapped to a behaviour field. "
            "Received: spec.target_to_behavior={}"
        )


def linear_part(
    spec: FeatureSpec, inputs: dict[str, Any], l2: float, *, with_numbers: bool = False
) -> Any:
    """`w^T x`: the sum of one weight for each value, `(B, 1)`.

    Args:
        spec: What the model reads and predicts.
        inputs: Inputs by field name.
        l2: Weight of the squared weights that a batch gathers.
        with_numbers: Whether each number has a weight too. Beside an MLP, which reads them, it has
            none (AMER, appendix B).
    """
    weights = components.make_embedding(spec, 1, l2, name="linear")
    fields = aggregation.read_fields(spec, inputs, weights, "linear")
    logit = SumPooling(name=layer_name("linear", "sum"))(fields.matrix)
    if not with_numbers or not fields.numbers:
        return logit
    numbers = side_by_side("linear.numbers", *fields.numbers.values())
    weigh = keras.layers.Dense(1, use_bias=False, name=layer_name("linear", "number_weights"))
    return keras.layers.Add(name=layer_name("linear", "whole"))([logit, weigh(numbers)])


def deep_part(
    flat: Any,
    hidden_units: Sequence[int],
    dropout: float,
    activation: str = "relu",
    *,
    batch_normalization: bool = False,
) -> Any:
    """The last hidden layer of an MLP."""
    mlp = [HiddenLayer(activation, units=units) for units in hidden_units]
    return aggregation.make_mlp(flat, mlp, dropout, batch_normalization=batch_normalization)


def crosses(layer: type[keras.layers.Layer], first: Any, count: int) -> Any:
    """What cross layers, one after another, make of `x_0`, `(B, K_0)`."""
    states = first
    for index in range(count):
        states = layer(name=layer_name("cross", str(index)))(first, states)
    return states


def sum_logit(hidden: Any, *parts: Any) -> Any:
    """`w^T h + b` and the other parts, `(B,)`."""
    logit = keras.layers.Dense(1, name=layer_name("output"))(hidden)
    if parts:
        logit = keras.layers.Add(name=layer_name("sum"))([logit, *parts])
    return aggregation.scaled_logit(logit)


def joint_logit(*hidden: Any) -> Any:
    """`w^T [h_1, h_2, ...] + b`, `(B,)`."""
    return sum_logit(side_by_side("hidden", *hidden))


def biased_logit(*parts: Any) -> Any:
    """The parts and `b`, `(B,)`."""
    logit = parts[0]
    if len(parts) > 1:
        logit = keras.layers.Add(name=layer_name("sum"))(list(parts))
    return aggregation.scaled_logit(Bias(name=layer_name("output"))(logit))
