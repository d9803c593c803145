"""The scores of given items out of those of all items."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class PickScores(keras.layers.Layer):
    """Picks the scores of some items, `y_bc = s_b,i` with `i = ids_bc`.

    Call arguments:
        scores: Float tensor of shape `(batch, items)`.
        ids: Integer tensor of shape `(batch, candidates)`, each below the number of items.

    Output shape: `(batch, candidates)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, scores: Any, ids: Any) -> Any:
        return ops.take_along_axis(scores, ops.cast(ids, "int32"), axis=1)

    def compute_output_shape(self, scores_shape: Any, ids_shape: Any) -> Any:
        return tuple(ids_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
