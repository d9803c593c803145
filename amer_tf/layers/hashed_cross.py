"""The combination of the values of some fields as one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

_UNKNOWN_ID = 1
# Knuth's multiplier, 2^32 over the golden ratio; products wrap at 2^32.
_MULTIPLIER = 2654435769
_MOST_BUCKETS = 2**31 - 2


@keras.saving.register_keras_serializable(package="amer_tf")
class HashedCross(keras.layers.Layer):
    """Numbers the combinations of the values of some fields: a cross-product transformation.

    Where there is a bucket for each combination of the ids `v_f` of vocabularies with `n_f` rows,
    it is `1 + (v_1 - 1) + (n_1 - 1) ((v_2 - 1) + ...)`; otherwise combinations are hashed, and some
    share a bucket. A set of ids is crossed value by value. A combination with id 0, the padding, is
    0. Ids outside their vocabulary count as its unknown row, 1.

    `keras.layers.HashedCrossing` makes texts of its inputs, which XLA cannot compile.

    Reference: Cheng et al., "Wide & deep learning for recommender systems", 2016, equation 1.

    Args:
        num_rows: Field name to the rows of its vocabulary, padding and unknown counted; the fields
            of the cross.
        num_buckets: Most numbers beside 0.

    Call arguments:
        ids: Dict, field name to an integer tensor of shape `(batch,)`, or `(batch, values)` for a
            set.

    Output shape: `(batch, combinations)`, the product of the numbers of values; int32.
    """

    def __init__(self, num_rows: Mapping[str, int], num_buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not num_rows or min(num_rows.values()) < 2:
            raise ValueError(
                "`num_rows` must name one or more fields, each with 2 or more rows. "
                f"Received: num_rows={dict(num_rows)}"
            )
        if not 1 <= num_buckets <= _MOST_BUCKETS:
            raise ValueError(
                f"`num_buckets` must be an integer from 1 to {_MOST_BUCKETS}. "
                f"Received: num_buckets={num_buckets}"
            )
        self.num_rows = {name: int(rows) for name, rows in num_rows.items()}
        self.num_buckets = num_buckets
        self._combinations = math.prod(rows - 1 for rows in self.num_rows.values())

    @property
    def num_numbers(self) -> int:
        """How many numbers there are, 0 among them: rows of a table for the crosses."""
        return 1 + min(self._combinations, self.num_buckets)

    def call(self, ids: Mapping[str, Any]) -> Any:
        code: Any = None
        known: Any = None
        factor = 1
        for name, rows in self.num_rows.items():
            values = ops.cast(ids[name], "int32")
            values = ops.reshape(values, (-1, 1, math.prod(values.shape[1:])))  # [B, 1, V]
            inside = (values >= 0) & (values < rows)
            values = ops.where(inside, values, _UNKNOWN_ID)
            value = ops.cast(ops.maximum(values - 1, 0), "uint32")
            if code is None:
                code, known = ops.zeros_like(value), values != 0
            else:
                code, known = ops.expand_dims(code, -1), ops.expand_dims(known, -1) & (values != 0)
            if self._combinations <= self.num_buckets:
                code = code + value * ops.cast(factor, "uint32")
                factor *= rows - 1
            else:
                code = _scramble(code + value)
            width = math.prod(known.shape[1:])
            code, known = ops.reshape(code, (-1, width)), ops.reshape(known, (-1, width))
        bucket = ops.cast(ops.mod(code, ops.cast(self.num_buckets, "uint32")), "int32")
        return ops.where(known, bucket + 1, 0)

    def compute_output_spec(self, ids: Mapping[str, Any]) -> Any:
        shapes = [ids[name].shape for name in self.num_rows]
        width = math.prod(math.prod(shape[1:]) for shape in shapes)
        return keras.KerasTensor((shapes[0][0], width), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rows": self.num_rows,
            "num_buckets": self.num_buckets,
        }


def _scramble(code: Any) -> Any:
    """Spreads 32-bit numbers, so that any sums of them end in different buckets."""
    for shift in (16, 15):
        code = ops.bitwise_xor(code, ops.right_shift(code, ops.cast(shift, "uint32")))
        code = code * ops.cast(_MULTIPLIER, "uint32")
    return ops.bitwise_xor(code, ops.right_shift(code, ops.cast(16, "uint32")))
