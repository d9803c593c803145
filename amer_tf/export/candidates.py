"""One user and many candidate items: the user's columns once, a row for each item.

Letters: `C` candidate items.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from amer_tf.export import example_requests
from amer_tf.export.columns import Column, row_field
from amer_tf.export.encoding import InputEncoder
from amer_tf.export.signatures import Signature
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import FeatureSpec
from amer_tf.models.ctr_sides import CandidateNetwork


class CandidateScorer:
    """Logits of many candidate items for one user.

    Args:
        model: What `models.amer.build` gave for the spec, or a hand-made system.
        spec: The fitted spec, which has target fields and others.
        columns: The raw columns of its fields.
        tables: The tables of its vocabularies.
    """

    def __init__(
        self,
        model: keras.Model,
        spec: FeatureSpec,
        columns: Mapping[str, Column],
        tables: Mapping[str, VocabularyTable],
    ) -> None:
        self._network = CandidateNetwork(model, spec)
        self._spec = spec
        self._items = {
            field.name: _with_rows(columns[field.name], "candidates")
            for field in spec.with_role("target")
        }
        self._user = {
            name: _with_rows(column, "user")
            for name, column in columns.items()
            if name not in self._items
        }
        self._item_encoder = InputEncoder(spec, self._items, tables)
        self._user_encoder = InputEncoder(spec, self._user, tables)

    @property
    def reads_user_once(self) -> bool:
        """Whether the user's behaviour is read once for all candidates."""
        return self._network.reads_user_once

    def signature(self, outputs: tuple[Column, ...], answer: Any) -> Signature:
        """The signature `score_candidates`.

        Args:
            outputs: What the row-wise signature answers.
            answer: From logits `(C,)` to these outputs.
        """
        columns = (*self._user.values(), *self._items.values())

        def compute(raw: Mapping[str, Any]) -> Mapping[str, Any]:
            return answer(self.logits(raw))

        return Signature(
            name="score_candidates",
            summary="The chance of the label 1 for each of many candidate items of one user, whose "
            f"columns are sent once. {self._story()}",
            inputs=columns,
            outputs=tuple(_with_rows(column, "candidates") for column in outputs),
            compute=compute,
            example=example_requests.values(self._spec, columns),
        )

    def _story(self) -> str:
        if self.reads_user_once:
            return "The user's behaviour is read once for all of them."
        if self._network.is_hand_made:
            return (
                "This system was made by hand, and reads the behaviour again for each of them: "
                "this takes as long as as many rows."
            )
        if self._spec.with_role("behavior"):
            return (
                "A block of this architecture attends from the target, so that the behaviour is "
                "read again for each of them: this takes as long as as many rows."
            )
        return "Without behaviour this saves no more than sending the user's columns again."

    def logits(self, raw: Mapping[str, Any]) -> Any:
        """Logits `(C,)` of raw columns."""
        items = self._item_encoder.complete({name: raw[name] for name in self._items})
        user = self._user_encoder.complete({name: raw[name] for name in self._user}, num_rows=1)
        num_items = tf.shape(items[row_field(self._spec)])[0]
        return self._network.logits(self._user_encoder(user), self._item_encoder(items), num_items)


def _with_rows(column: Column, rows: str) -> Column:
    """The column with another name of its first axis."""
    assert column.axes is not None
    return dataclasses.replace(column, axes=(rows, *column.axes[1:]))
