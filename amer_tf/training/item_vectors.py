"""The vectors of all items, worked out some at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from amer_tf.features import PADDING_ID

_ROWS_PER_CALL = 8192


def all_item_vectors(item_vectors: Callable[[Any], Any], num_items: int) -> Any:
    """Vectors of all item rows.

    Every call gets as many ids, the last one filled up with padding: a compiled function is traced
    once.

    Args:
        item_vectors: From encoded item ids, int32 `(n,)`, to their vectors `(n, Dq)`.
        num_items: Rows `R` of the item vocabulary, padding and unknown included.

    Returns:
        float32 tensor of shape `(R, Dq)`.
    """
    rows = min(_ROWS_PER_CALL, num_items)
    chunks = []
    for start in range(0, num_items, rows):
        ids = np.arange(start, start + rows, dtype=np.int32)
        ids = np.where(ids < num_items, ids, np.int32(PADDING_ID))
        chunks.append(tf.cast(item_vectors(tf.constant(ids)), tf.float32))
    return tf.concat(chunks, axis=0)[:num_items]
