"""One embedding table for all fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

_UNKNOWN_ID = 1


@keras.saving.register_keras_serializable(package="amer_tf")
class FusedEmbedding(keras.layers.Layer):
    """Embeds every field with one gather from one table, whatever their number.

    `e_f = E[offset(vocabulary(f)) + id]`, and 0 for id 0, the padding. Ids outside their
    vocabulary read its unknown row, 1, never a neighbour's. With TensorFlow the gradient of the
    table is `tf.IndexedSlices`, rows only.

    Reference: AMER, section 2.1, stage 0. Rows start uniform in +-0.05.

    Args:
        num_rows: Vocabulary name to its number of rows, padding and unknown counted.
        fields: Field name to its vocabulary; fields that share a vocabulary share its rows.
        embedding_dim: Positive integer `K`.
        l2: Non-negative float. Adds `l2 * sum(rows ** 2) / 2 / batch` over the gathered rows to
            the losses; `batch` is the first axis of the first field.

    Call arguments:
        inputs: Dict, field name to an integer tensor of any shape. Any subset of `fields`.

    Output: a dict, field name to a float tensor of shape `(*ids.shape, embedding_dim)`.
    """

    def __init__(
        self,
        num_rows: Mapping[str, int],
        fields: Mapping[str, str],
        embedding_dim: int,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for vocabulary, rows in num_rows.items():
            if rows < 2:
                raise ValueError(
                    "Each vocabulary has a row for padding and one for unknown values, so at "
                    f"least 2. Received: num_rows[{vocabulary!r}]={rows}"
                )
        for field, vocabulary in fields.items():
            if vocabulary not in num_rows:
                raise ValueError(
                    f"`fields` must name vocabularies of `num_rows` ({', '.join(num_rows)}). "
                    f"Received: fields[{field!r}]={vocabulary!r}"
                )
        if embedding_dim < 1:
            raise ValueError(
                "`embedding_dim` must be a positive integer. "
                f"Received: embedding_dim={embedding_dim}"
            )
        if l2 < 0:
            raise ValueError(f"`l2` must not be negative. Received: l2={l2}")
        self.num_rows = {vocabulary: int(rows) for vocabulary, rows in num_rows.items()}
        self.fields = dict(fields)
        self.embedding_dim = embedding_dim
        self.l2 = l2
        # The weight exists at once, so that `table` can be shared before the first call. It is
        # not cast as a whole under mixed precision: that would make its gradient dense.
        self._table = self.add_weight(
            name="table",
            shape=(sum(self.num_rows.values()), embedding_dim),
            initializer=keras.initializers.RandomUniform(-0.05, 0.05),
            autocast=False,
        )

    @property
    def table(self) -> Any:
        """The variable that holds the rows of all vocabularies, one after another."""
        return self._table

    @property
    def output(self) -> Any:
        """The symbolic outputs of the call that has the most fields.

        Keras takes every call of a layer to have no more outputs than this; its own property
        gives those of the first call.
        """
        if not self._inbound_nodes:
            return super().output
        return max((node.output_tensors for node in self._inbound_nodes), key=len)

    def offset(self, vocabulary: str) -> int:
        """The first row of a vocabulary in `table`."""
        if vocabulary not in self.num_rows:
            raise ValueError(
                f"`vocabulary` must be one of {', '.join(self.num_rows)}. "
                f"Received: vocabulary={vocabulary!r}"
            )
        names = list(self.num_rows)
        return sum(self.num_rows[name] for name in names[: names.index(vocabulary)])

    def build(self, inputs_shape: Any) -> None:
        """The table's shape is known from the arguments; nothing waits for the input."""

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self._check_fields(inputs)
        names = list(inputs)
        ids = [ops.cast(inputs[name], "int32") for name in names]
        rows = [self._rows(name, field_ids) for name, field_ids in zip(names, ids, strict=True)]
        sizes = [math.prod(ops.shape(field_ids)) for field_ids in ids]
        flat = ops.concatenate([ops.reshape(field_rows, (-1,)) for field_rows in rows])
        gathered = ops.take(self._table, flat, axis=0)
        parts = _split(gathered, sizes)
        outputs = {}
        for name, field_ids, part in zip(names, ids, parts, strict=True):
            embedded = ops.reshape(part, (*ops.shape(field_ids), self.embedding_dim))
            known = ops.cast(field_ids != 0, embedded.dtype)
            outputs[name] = embedded * ops.expand_dims(known, -1)
        if self.l2:
            batch = ops.cast(ops.shape(ids[0])[0], "float32")
            squares = sum(ops.sum(ops.square(embedded)) for embedded in outputs.values())
            self.add_loss(self.l2 / 2.0 * squares / batch)
        return {name: ops.cast(part, self.compute_dtype) for name, part in outputs.items()}

    def _rows(self, field: str, ids: Any) -> Any:
        """Rows of `table` for the ids of a field."""
        vocabulary = self.fields[field]
        known = (ids >= 0) & (ids < self.num_rows[vocabulary])
        return ops.where(known, ids, _UNKNOWN_ID) + self.offset(vocabulary)

    def _check_fields(self, inputs: Mapping[str, Any]) -> None:
        unknown = [name for name in inputs if name not in self.fields]
        if unknown or not inputs:
            raise ValueError(
                f"`inputs` must be one or more of the fields {', '.join(self.fields)}. "
                f"Received: {list(inputs)}"
            )

    def compute_output_spec(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self._check_fields(inputs)
        return {
            name: keras.KerasTensor((*ids.shape, self.embedding_dim), dtype=self.compute_dtype)
            for name, ids in inputs.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rows": self.num_rows,
            "fields": self.fields,
            "embedding_dim": self.embedding_dim,
            "l2": self.l2,
        }


def _split(rows: Any, sizes: Sequence[Any]) -> Sequence[Any]:
    """Rows one after another, as many as each size says.

    The gradient of a split is one concatenation, that of slices a sum of as many whole arrays, most
    of them zero: with 39 fields a fifth of an update. Only known sizes can be split.
    """
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    if len(sizes) > 1 and all(isinstance(size, int) for size in sizes):
        return ops.split(rows, starts[1:])
    return [rows[start : start + size] for start, size in zip(starts, sizes, strict=True)]
