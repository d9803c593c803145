"""What is known of an item, looked up by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

_UNKNOWN_ID = 1


@keras.saving.register_keras_serializable(package="amer_tf")
class CatalogLookup(keras.layers.Layer):
    """Gives the encoded item fields of item ids, so that batches carry the ids alone.

    The table is a weight that is not trained: it is saved with the weights, and not in the
    config. Ids outside the table read the row of the unknown item, 1.

    Args:
        columns: Field name to `[start, width]`, its columns in the table.
        num_items: Integer of at least 2, the rows of the table.
        table: Integer array of shape `(num_items, width)`, or None: zeros until `set_table`.

    Call arguments:
        item_ids: Integer tensor of any shape.

    Output: a dict, field name to an int32 tensor of shape `(*item_ids.shape, width)`, or
    `item_ids.shape` where the width is 1.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[int]],
        num_items: int,
        table: Any | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for field, place in columns.items():
            if len(place) != 2 or place[0] < 0 or place[1] < 1:
                raise ValueError(
                    "`columns` must give each field a start of at least 0 and a width of at "
                    f"least 1. Received: columns[{field!r}]={place!r}"
                )
        if num_items < 2:
            raise ValueError(
                "`num_items` counts the rows of padding and of the unknown item, so it must be "
                f"at least 2. Received: num_items={num_items}"
            )
        self.columns = {
            field: (int(start), int(width)) for field, (start, width) in columns.items()
        }
        self.num_items = int(num_items)
        width = max((start + width for start, width in self.columns.values()), default=0)
        self.table = self.add_weight(
            name="table",
            shape=(self.num_items, width),
            dtype="int32",
            initializer="zeros",
            trainable=False,
        )
        if table is not None:
            self.set_table(table)

    def set_table(self, table: Any) -> None:
        """Replaces the table by an integer array of the same shape."""
        table = keras.ops.convert_to_numpy(table)
        if table.shape != tuple(self.table.shape):
            raise ValueError(
                f"`table` must have the shape {tuple(self.table.shape)}. "
                f"Received: table.shape={table.shape}"
            )
        if table.dtype.kind not in "iu":
            raise ValueError(f"`table` must hold integers. Received: table.dtype={table.dtype}")
        self.table.assign(table.astype("int32"))

    def build(self, item_ids_shape: Any) -> None:
        """The table's shape is known from the arguments; nothing waits for the input."""

    def call(self, item_ids: Any) -> dict[str, Any]:
        item_ids = ops.cast(item_ids, "int32")
        known = (item_ids >= 0) & (item_ids < self.num_items)
        rows = ops.take(self.table, ops.where(known, item_ids, _UNKNOWN_ID), axis=0)
        return {
            field: rows[..., start] if width == 1 else rows[..., start : start + width]
            for field, (start, width) in self.columns.items()
        }

    def compute_output_spec(self, item_ids: Any) -> dict[str, Any]:
        return {
            field: keras.KerasTensor(
                (*item_ids.shape, *(() if width == 1 else (width,))), dtype="int32"
            )
            for field, (_, width) in self.columns.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "columns": {field: list(place) for field, place in self.columns.items()},
            "num_items": self.num_items,
        }
