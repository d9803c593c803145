"""The signatures of task ctr: the chance of the label 1 for each row of a table.

Letters: `B` rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from amer_tf.export import example_requests
from amer_tf.export.candidates import CandidateScorer
from amer_tf.export.columns import (
    Column,
    has_ragged_signature,
    input_columns,
    row_field,
    step_field,
)
from amer_tf.export.encoding import InputEncoder
from amer_tf.export.example_signatures import (
    classify_examples,
    predict_examples,
    regress_examples,
)
from amer_tf.export.ragged import predict_ragged
from amer_tf.export.signatures import Signature
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import FeatureSpec

_PROBABILITY = Column("probability", tf.float32, ("batch",), note="the chance of the label 1")
_LOGIT = Column("logit", tf.float32, ("batch",), note="its log odds")


class CtrServing:
    """Answers requests with the weights of a model of task ctr.

    Args:
        model: What `models.amer.build` gave for the spec.
        spec: The fitted spec.
        tables: The tables of its vocabularies.
        top_k: Of no use here.
    """

    title = "A model of clicks"

    def __init__(
        self,
        model: keras.Model,
        spec: FeatureSpec,
        tables: Mapping[str, VocabularyTable],
        top_k: int = 0,
    ) -> None:
        self._model = model
        self._spec = spec
        self._tables = tables
        self._columns = input_columns(spec, tables)
        self._encoder = InputEncoder(spec, self._columns, tables)

    @property
    def facts(self) -> tuple[str, ...]:
        """What a user should know of the model, a line each."""
        steps = f"steps of a history that count: the newest {self._spec.max_length}"
        return (
            f"label: {self._spec.label}",
            *((steps,) if self._spec.with_role("behavior") else ()),
            "columns and vocabularies: `spec.json`",
        )

    @property
    def variables(self) -> list[Any]:
        """All that the signatures read, as TensorFlow variables; no Keras object among them."""
        return [weight.value for weight in self._model.weights]

    def signatures(self) -> tuple[Signature, ...]:
        """All that the model can be asked."""
        columns = tuple(self._columns.values())
        rows = Signature(
            name="serving_default",
            summary=f"The chance of the label 1 ({self._spec.label}) for each row.",
            inputs=columns,
            outputs=(_PROBABILITY, _LOGIT),
            compute=self.predict,
            example=example_requests.values(self._spec, columns),
        )
        examples = predict_examples(self._spec, rows)
        signatures = [
            rows,
            examples,
            classify_examples(examples, _PROBABILITY.name),
            regress_examples(examples, _PROBABILITY.name),
        ]
        row_column, step_column = row_field(self._spec), step_field(self._spec)
        if step_column is not None and has_ragged_signature(self._spec):
            signatures.append(predict_ragged(rows, row_column, step_column))
        targets = self._spec.with_role("target")
        if targets and len(targets) < len(self._columns):
            scorer = CandidateScorer(self._model, self._spec, self._columns, self._tables)
            signatures.append(scorer.signature(rows.outputs, _answer))
        return tuple(signatures)

    def predict(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Chances and logits `[B]` of raw columns."""
        inputs = self._encoder(self._encoder.complete(raw))
        return _answer(self._model(inputs, training=False))


def _answer(logits: Any) -> dict[str, Any]:
    """Chances and logits `[B]` of the model's logits."""
    logits = tf.cast(logits, tf.float32)
    return {_PROBABILITY.name: tf.sigmoid(logits), _LOGIT.name: logits}
