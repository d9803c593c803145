"""Caser: convolutions over the newest events as over an image."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
    num_latest: int = 5,
    horizontal_filters: int = 2,
    vertical_filters: int = 5,
    user_field: str | None = None,
) -> keras.Model:
    """Builds Caser with the inputs and outputs of `models.amer.build`.

    `E` are the newest `L` events, `(L, D)`, zeros where there are fewer. Horizontal filters of
    each height `h <= L` give `max_t relu(<F, E_{t:t+h}> + b)`, vertical ones `sum_t f_t E_t`; of
    all of them side by side, `o`, a layer makes `z = relu(W o + b)`. The query is `z + P_u`, with
    `P_u` the embedding of the user's id: a sum in place of the paper's concatenation, as in AMER.
    Where the spec has no such field, as leave-one-out data has none, the query is `z` alone. Train
    it with the query of the newest step.

    Reference: Tang and Wang, "Personalized Top-N Sequential Recommendation via Convolutional
    Sequence Embedding", 2018; the filters of AMER, Appendix C.1 (on Steam 3 and 8). Its items have
    vectors of their own on the side of the score, with a bias; here those of the history.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on `o`, as in the paper.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        num_latest: `L`, a positive integer.
        horizontal_filters: Positive integer, the filters of each height.
        vertical_filters: Positive integer.
        user_field: The profile field with the user's id; None for the one that is `spec.group`,
            if it is a field.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, the catalog has another shape, or
            `user_field` is no categorical profile field.
        ValueError: Where a number is not positive.
    """
    sequence_parts.require_positive(
        num_latest=num_latest,
        horizontal_filters=horizontal_filters,
        vertical_filters=vertical_filters,
    )
    history = sequence_parts.read_history(
        spec, "Caser", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    take = layers.NewestSteps(num_latest, name=layer_name("latest"))
    events = take(history.states, mask=history.mask)
    parts = [
        *(_horizontal(events, horizontal_filters, height) for height in range(1, num_latest + 1)),
        _vertical(events, vertical_filters),
    ]
    convolved = components.side_by_side("convolutions", *parts)
    convolved = sequence_parts.drop(convolved, dropout, "convolutions")
    user = sequence_parts.user_field(spec, user_field)
    units = events.shape[-1] if user is None else embedding_dim
    hidden = keras.layers.Dense(units, activation="relu", name=layer_name("hidden"))(convolved)
    if user is None:
        return sequence_parts.score_model(spec, history, hidden, "caser")
    hidden = components.make_empty_history()(hidden, history.mask)
    vector = sequence_parts.user_vector(history, user)
    hidden = keras.layers.Add(name=layer_name("with_user"))([hidden, vector])
    return sequence_parts.score_user(spec, history, hidden, "caser", used=(user,))


def _horizontal(events: Any, filters: int, height: int) -> Any:
    """`(B, filters)`: how strongly each pattern of `height` events occurs at all."""
    convolution = keras.layers.Conv1D(
        filters,
        height,
        activation="relu",
        kernel_initializer="he_uniform",
        name=layer_name(f"horizontal_{height}"),
    )
    pool = keras.layers.GlobalMaxPooling1D(name=layer_name(f"horizontal_{height}", "pooling"))
    return pool(convolution(events))


def _vertical(events: Any, filters: int) -> Any:
    """`(B, D * filters)`: weighted sums of the events."""
    columns = keras.layers.Permute((2, 1), name=layer_name("columns"))(events)  # (B, D, L)
    weigh = keras.layers.Dense(
        filters, use_bias=False, kernel_initializer="he_uniform", name=layer_name("vertical")
    )
    return keras.layers.Flatten(name=layer_name("vertical", "flat"))(weigh(columns))
