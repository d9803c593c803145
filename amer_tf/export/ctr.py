"""The signatures of task ctr: the chance of the label 1 for each row of a table.

Letters: `B` rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from amer_tf.export import example_requests
from amer_tf.export.columns import Column, input_columns, lead_field
from amer_tf.export.encoding import InputEncoder
from amer_tf.export.examples import ExampleParser
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
        self._columns = input_columns(spec, tables)
        self._encoder = InputEncoder(spec, self._columns, tables)

    @property
    def facts(self) -> tuple[str, ...]:
        """What a user should know of the model, a line each."""
        return f"label: {self._spec.label}", "columns and vocabularies: `spec.json`"

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
        examples = Column(
            "examples",
            tf.string,
            ("batch",),
            note="serialised `tf.Example`s; their features are the inputs of `serving_default`",
        )
        serialized = Signature(
            name="predict_examples",
            summary="The same from serialised `tf.Example`s. Any feature may be absent.",
            inputs=(examples,),
            outputs=rows.outputs,
            compute=self.predict_examples,
            example={"examples": [example_requests.serialize(rows.example, {})]},
        )
        return rows, serialized

    def predict(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Chances and logits `[B]` of raw columns."""
        inputs = self._encoder(self._encoder.complete(raw))
        logits = tf.cast(self._model(inputs, training=False), tf.float32)
        return {_PROBABILITY.name: tf.sigmoid(logits), _LOGIT.name: logits}

    def predict_examples(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Chances and logits `[B]` of serialised `tf.Example`s `[B]`."""
        parser = ExampleParser(self._columns.values(), {}, lead_field(self._spec))
        return self.predict(parser(tf.ensure_shape(raw["examples"], [None])))
