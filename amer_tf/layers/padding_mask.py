"""Which places of a padded list hold something."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class PaddingMask(keras.layers.Layer):
    """Says of every id whether it is more than padding.

    `y = [id != 0]`. A layer, and not `keras.ops.not_equal`, since a layer can be given a name.

    Call arguments:
        ids: Integer tensor of any shape, 0 at padded places.

    Output shape: that of `ids`; bool.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, ids: Any) -> Any:
        return ops.not_equal(ids, 0)

    def compute_output_spec(self, ids: Any) -> Any:
        return keras.KerasTensor(ids.shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
