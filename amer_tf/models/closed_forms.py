"""POP and EASE as Keras models, so that they are exported as networks are.

Both are fitted on the host (`popularity.py`, `ease.py`); here they only score.
"""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.features import NUM_RESERVED_IDS, FeatureSpec
from amer_tf.layers import ConstantScores, ItemItemScores, PickScores
from amer_tf.models import components
from amer_tf.models.components import layer_name

# The layer whose output is a score of each item row, `(B, I)`.
ALL_SCORES = layer_name("all_scores")


def build_popularity(spec: FeatureSpec, counts: Any) -> keras.Model:
    """Builds a POP: `y_i` is the number of training events of item `i`.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        counts: Floats `(I,)` for each item row, as `Popularity.counts` gives them.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.
    """
    spec.require_task("next_item", "POP")
    num_rows = spec.vocabulary(spec.item_field).num_rows
    scores = ConstantScores(num_rows, name=ALL_SCORES)
    model = _model(spec, scores, "popularity")
    scores.scores.assign(counts)
    return model


def build_ease(spec: FeatureSpec, weights: Any) -> keras.Model:
    """Builds an EASE: `y_j` is the sum of the weights `B_ij` from the items `i` of the history.

    It holds the whole matrix: 4 bytes for each pair of items. Of a history the newest
    `spec.max_length` steps are read.

    Reference: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019.

    Args:
        spec: As for `build_popularity`.
        weights: Floats `(n, n)` between all known items, as `Ease.weights` gives them.

    Returns: As `build_popularity`.
    """
    spec.require_task("next_item", "EASE")
    num_items = spec.vocabulary(spec.item_field).num_rows - NUM_RESERVED_IDS
    scores = ItemItemScores(num_items, name=ALL_SCORES)
    model = _model(spec, scores, "ease")
    scores.kernel.assign(weights)
    return model


def _model(spec: FeatureSpec, all_scores: keras.layers.Layer, name: str) -> keras.Model:
    inputs = components.make_inputs(spec)
    items = keras.Input((None,), dtype="int32", name=spec.item_field)
    scores = all_scores(inputs[spec.history_field])  # [B, I]
    picked = PickScores(name=layer_name("scores"))(scores, items)
    return keras.Model({**inputs, spec.item_field: items}, picked, name=name)
