"""The signatures of task next_item: scores of given items, and recommended items.

Letters: `B` batch, `S` steps as sent, `C` candidates, `I` item ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from amer_tf.export import example_requests
from amer_tf.export.catalog_scores import catalog_scores
from amer_tf.export.columns import EXCLUDE_SEEN, NUM_ITEMS, SCORE, Column, input_columns
from amer_tf.export.encoding import InputEncoder, require, with_rank
from amer_tf.export.example_signatures import predict_examples
from amer_tf.export.signatures import Signature
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import (
    NUM_RESERVED_IDS,
    PADDING_ID,
    FeatureSpec,
)

# The score of what is no item: it sorts last and, unlike -inf, is a number in JSON.
NO_SCORE = float(tf.float32.min)


class NextItemServing:
    """Answers requests with the weights of a model of task next_item.

    Args:
        model: What `models.amer.build` gave for the spec, or a hand-made system.
        spec: The fitted spec.
        tables: The tables of its vocabularies.
        top_k: How many items `recommend` gives unless asked for another number.
    """

    title = "A next-item recommender"

    def __init__(
        self,
        model: keras.Model,
        spec: FeatureSpec,
        tables: Mapping[str, VocabularyTable],
        top_k: int,
    ) -> None:
        self._model = model
        self._spec = spec
        self._top_k = top_k
        self._columns = input_columns(spec, tables)
        self._encoder = InputEncoder(spec, self._columns, tables)
        self._history = self._columns[spec.history_field]
        self._items = tables[spec.vocabulary(spec.item_field).name]
        self._num_rows = spec.vocabulary(spec.item_field).num_rows
        self._candidates = Column(
            spec.item_field,
            self._items.dtype,
            ("batch", "candidates"),
            self._items.missing,
            "items to score",
        )
        self._scores = Column(
            "scores",
            tf.float32,
            ("batch", "candidates"),
            NO_SCORE,
            "the higher, the likelier the item is next; an unknown item has a score too",
        )
        self._catalog_scores = catalog_scores(model, spec)

    @property
    def facts(self) -> tuple[str, ...]:
        """What a user should know of the model, a line each."""
        num_items = self._num_rows - NUM_RESERVED_IDS
        return (
            f"items: {num_items}",
            f"steps of a history that count: the newest {self._spec.max_length}",
            "columns and vocabularies: `spec.json`",
            *self._catalog_scores.facts,
        )

    @property
    def variables(self) -> list[Any]:
        """All that the signatures read, as TensorFlow variables; no Keras object among them."""
        return [*(weight.value for weight in self._model.weights), *self._catalog_scores.variables]

    def signatures(self) -> tuple[Signature, ...]:
        """All that the model can be asked."""
        rows = self._serving_default()
        examples = predict_examples(
            self._spec,
            rows,
            " Lists are as long as they are; missing scores fill up a list of candidates that is "
            "shorter than another of its batch.",
        )
        return rows, examples, self._recommend()

    def _serving_default(self) -> Signature:
        columns = (*self._columns.values(), self._candidates)
        return Signature(
            name="serving_default",
            summary="Scores candidate items for each user.",
            inputs=columns,
            outputs=(self._scores,),
            compute=self.score,
            example=example_requests.values(self._spec, columns),
        )

    def _recommend(self) -> Signature:
        columns = tuple(self._columns.values())
        exclude_seen = Column(
            EXCLUDE_SEEN,
            tf.bool,
            None,
            note="whether items of the history are left out, also those too old to count",
            default=True,
        )
        k = Column(
            NUM_ITEMS,
            tf.int32,
            None,
            note="how many items, at most those of the catalogue",
            default=self._top_k,
        )
        items = Column(
            self._candidates.name,
            self._items.dtype,
            ("batch", "k"),
            self._items.missing,
            "recommended items, best first; missing values where there are fewer than `k`",
        )
        score = Column(SCORE, tf.float32, ("batch", "k"), NO_SCORE, "their scores")
        example = example_requests.values(self._spec, columns)
        return Signature(
            name="recommend",
            summary="The best items of the whole catalogue for each user; never an unknown one.",
            inputs=(*columns, exclude_seen, k),
            outputs=(items, score),
            compute=self.recommend,
            example={**example, exclude_seen.name: True, k.name: self._top_k},
        )

    def score(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Scores `[B, C]` of raw columns and candidates."""
        candidates = with_rank(raw[self._candidates.name], self._candidates)  # [B, C]
        columns = self._encoder.complete(raw)
        rows = tf.shape(columns[self._history.name])[0]
        expected = f"as many rows as column {self._history.name!r}"
        shape = tf.shape(candidates)
        with tf.control_dependencies(
            [require(shape[0] == rows, self._candidates.name, expected, shape)]
        ):
            ids = self._items.ids(candidates)
        inputs = {**self._encoder(columns), self._spec.item_field: ids}
        scores = tf.cast(self._model(inputs, training=False), tf.float32)
        return {self._scores.name: tf.where(candidates == self._items.missing, NO_SCORE, scores)}

    def recommend(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The best `k` raw items and their scores, `[B, k]`, of the whole catalogue."""
        columns = self._encoder.complete(raw)
        history = columns[self._history.name]  # [B, S]
        batch = tf.shape(history)[0]
        exclude_seen = _for_each_row("exclude_seen", raw["exclude_seen"], batch)
        wanted = _for_each_row("k", raw["k"], batch)
        negative = require(tf.reduce_all(wanted >= 0), "k", "numbers of at least 0", wanted)
        with tf.control_dependencies([negative]):
            k = tf.reduce_max(tf.concat([wanted, [0]], 0))
        k = tf.minimum(k, self._num_rows - NUM_RESERVED_IDS)
        scores = self._catalog_scores(self._encoder(columns))  # [B, I]
        # What is not to be left out becomes padding, which is cut off with the unknown item.
        seen = tf.where(exclude_seen[:, None], self._items.ids(history), PADDING_ID)
        rows = tf.broadcast_to(tf.range(batch)[:, None], tf.shape(seen))
        scores = tf.tensor_scatter_nd_update(
            scores, tf.stack([rows, seen], -1), tf.fill(tf.shape(seen), NO_SCORE)
        )
        best, positions = tf.math.top_k(scores[:, NUM_RESERVED_IDS:], k)
        items = self._items.values(positions + NUM_RESERVED_IDS)
        given = (best > NO_SCORE) & (tf.range(k) < wanted[:, None])
        return {
            self._candidates.name: tf.where(given, items, self._items.missing),
            "score": tf.where(given, best, NO_SCORE),
        }


def _for_each_row(name: str, values: Any, batch: Any) -> Any:
    """`[B]` of a scalar, or of one value for each row."""
    flat = tf.reshape(values, [-1])
    size = tf.size(flat)
    expected = "one value, or one for each row"
    with tf.control_dependencies([require((size == 1) | (size == batch), name, expected, size)]):
        return tf.broadcast_to(flat, [batch])
