"""What the hand-made next-item systems share: the history they read and the score at their end.

Letters: `B` batch, `T` steps, `D = N_b * K`, `Dq` width of the query and of the item vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from amer_tf import layers
from amer_tf.features import CategoricalField, FeatureSpec, SpecError
from amer_tf.models import components
from amer_tf.models.components import layer_name


class History(NamedTuple):
    """What a system reads of a batch.

    Attributes:
        inputs: `keras.Input` by field name.
        mask: `(B, T)`: which steps hold an event.
        states: The behaviour embeddings, `(B, T, D)`, zeros at padded steps.
        embedding: The table of all fields.
        catalog: The layer that knows the items, or None.
    """

    inputs: dict[str, Any]
    mask: Any
    states: Any
    embedding: Any
    catalog: Any


def require_positive(**sizes: int | None) -> None:
    """Raises `ValueError` for an argument that is neither a positive integer nor None."""
    for name, value in sizes.items():
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value}")


def read_history(
    spec: FeatureSpec,
    system: str,
    *,
    embedding_dim: int,
    l2: float,
    catalog: Any,
    recency: bool = False,
) -> History:
    """The history of a batch as embeddings.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        system: What the system is called in an error.
        embedding_dim: `K`, the same for every field.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        recency: Whether to add a learned vector by the number of newer steps.
    """
    spec.require_task("next_item", system)
    embedding = components.make_embedding(spec, embedding_dim, l2)
    catalog_layer = components.make_catalog(spec, catalog)
    inputs = components.make_inputs(spec)
    mask = components.history_mask(spec, inputs)
    if recency:
        states = components.behavior_states(spec, inputs, mask, embedding, catalog_layer)
    else:
        states = components.behavior_embeddings(spec, inputs, embedding, catalog_layer)
    return History(inputs, mask, states, embedding, catalog_layer)


def newest_state(states: Any, history: History) -> Any:
    """The state of the newest event, `(B, D)`."""
    return layers.LastPooling(name=layer_name("newest"))(states, history.mask)


def drop(values: Any, rate: float, *parts: str) -> Any:
    """The values with a fraction dropped in training; the layer's name starts with `parts`."""
    return layers.FusedDropout(rate, name=layer_name(*parts, "dropout"))(values)


def read_forward(states: Any, history: History, units: int | None, name: str) -> Any:
    """The states of a GRU after each step, `(B, T, units)`; padding keeps the state before it.

    Args:
        states: What it reads, `(B, T, D)`.
        history: What `read_history` gave.
        units: Units of the GRU; None for `D`.
        name: Name of the layer.
    """
    gru = keras.layers.GRU(
        units or states.shape[-1],
        return_sequences=True,
        use_cudnn=False,  # XLA cannot compile cuDNN's kernel
        name=layer_name(name),
    )
    return gru(states, mask=history.mask)


def score_model(
    spec: FeatureSpec,
    history: History,
    hidden: Any,
    name: str,
    *,
    make_query: Callable[[int], keras.layers.Layer] | None = None,
    used: tuple[str, ...] = (),
) -> keras.Model:
    """The model that scores items with the user's vector: `<query, item vector i>`.

    Profile and context fields stand beside the vector. A linear layer makes the query of it where
    there are such fields, or where the widths of the two sides differ; else it is the query.

    Args:
        spec: What the model reads and predicts.
        history: What `read_history` gave.
        hidden: The user's vector `(B, H)`; a learned one replaces it where the history is empty.
        name: Name of the model.
        make_query: Makes the last layer for `Dq` units, named `"amer.query"`, where the system
            has one of its own.
        used: Names of profile fields that the vector holds already.
    """
    hidden = components.make_empty_history()(hidden, history.mask)
    return score_user(spec, history, hidden, name, make_query=make_query, used=used)


def score_user(
    spec: FeatureSpec,
    history: History,
    hidden: Any,
    name: str,
    *,
    make_query: Callable[[int], keras.layers.Layer] | None = None,
    used: tuple[str, ...] = (),
) -> keras.Model:
    """As `score_model`, for a vector that needs no replacement where the history is empty."""
    others = {name: tensor for name, tensor in history.inputs.items() if name not in used}
    side = components.side_features(spec, others, history.embedding, ("profile", "context"))
    items = keras.Input(shape=(None,), dtype="int32", name=spec.item_field)
    vectors = components.item_vectors(spec, items, history.embedding, history.catalog)
    hidden = components.side_by_side("user", hidden, *side)
    units = vectors.shape[-1]
    if make_query is not None:
        query = make_query(units)(hidden)
    elif hidden.shape[-1] == units and not side:
        query = keras.layers.Identity(name=layer_name("query"))(hidden)
    else:
        query = components.make_query(units)(hidden)
    scores = components.score_items(vectors, query)
    return keras.Model({**history.inputs, spec.item_field: items}, scores, name=name)


def user_field(spec: FeatureSpec, named: str | None) -> str | None:
    """The profile field that holds the user's id, or None where the spec has none.

    Args:
        spec: What the model reads and predicts.
        named: The name of that field; None for the profile field that is the spec's group.

    Raises:
        SpecError: Where the named field is no categorical profile field.
    """
    known = [
        field.name for field in spec.with_role("profile") if isinstance(field, CategoricalField)
    ]
    if named is None:
        return spec.group if spec.group in known else None
    if named not in known:
        raise SpecError(
            f"`user_field` must name a categorical profile field; there are {known}. "
            f"Received: user_field={named!r}"
        )
    return named


def user_vector(history: History, name: str) -> Any:
    """The embedding of the user's id, `(B, K)`."""
    return history.embedding({name: history.inputs[name]})[name]
