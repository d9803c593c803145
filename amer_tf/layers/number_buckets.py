"""A number as the bucket that it falls into."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class NumberBuckets(keras.layers.Layer):
    """Makes ids of numbers: `y = 1 + |{b : b <= x}|`, never 0, which is the padding.

    Args:
        boundaries: One or more increasing numbers `b`, in the unit of the inputs.

    Call arguments:
        numbers: Float tensor of any shape.

    Output shape: that of `numbers`; int32 from 1 to `len(boundaries) + 1`.
    """

    def __init__(self, boundaries: Sequence[float], **kwargs: Any) -> None:
        # In float16 a number could fall into its neighbour's bucket.
        super().__init__(**{"autocast": False, **kwargs})
        if not boundaries or any(low >= high for low, high in itertools.pairwise(boundaries)):
            raise ValueError(
                "`boundaries` must be one or more increasing numbers. "
                f"Received: boundaries={list(boundaries)}"
            )
        self.boundaries = [float(boundary) for boundary in boundaries]

    @property
    def num_rows(self) -> int:
        """Rows of a table for the ids, padding counted."""
        return len(self.boundaries) + 2

    def call(self, numbers: Any) -> Any:
        return 1 + ops.cast(ops.digitize(numbers, self.boundaries), "int32")

    def compute_output_spec(self, numbers: Any) -> Any:
        return keras.KerasTensor(numbers.shape, dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "boundaries": self.boundaries}
