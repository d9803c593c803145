"""The graph of the items of a sequence, over its steps."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class SessionGraph(keras.layers.Layer):
    """Says of every step which steps hold its item, follow it, and come before it.

    The items are the nodes and two events in a row are an edge, so steps of one item share a node.
    With `s_ij = [id_i = id_j]` at valid steps: `same_ij = s_ij / n_i`,
    `outgoing_ij = s_{i, j - 1} / n_i`, `incoming_ij = s_{i, j + 1} / n_i`, where each time `n_i`
    makes the row sum to one, if there is anything in it. A row of `outgoing` times the states of
    the steps is thus the mean over the edges that leave the item of step `i`.

    Reference: the connection matrices of Wu et al., "Session-based Recommendation with Graph Neural
    Networks", 2019, whose edges weigh as often as they occur by the outdegree of their start.

    Call arguments:
        ids: Integer tensor of shape `(batch, steps)`.
        valid: Bool tensor of shape `(batch, steps)`, true at valid steps, which stand together.

    Output: a dict of `same`, `outgoing` and `incoming`, float tensors of shape
        `(batch, steps, steps)`; zeros at padded steps.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, ids: Any, valid: Any) -> dict[str, Any]:
        steps = ops.shape(ids)[1]
        equal = ops.equal(ops.expand_dims(ids, 2), ops.expand_dims(ids, 1))  # [B, T, T]
        known = ops.cast(valid, "float32")
        both = ops.expand_dims(known, 2) * ops.expand_dims(known, 1)
        same = ops.cast(equal, "float32") * both
        around = ops.pad(same, [[0, 0], [0, 0], [1, 1]])
        edges = {
            "same": same,
            "outgoing": around[:, :, :steps] * both,
            "incoming": around[:, :, 2:] * both,
        }
        return {
            name: ops.cast(
                ops.divide_no_nan(matrix, ops.sum(matrix, axis=-1, keepdims=True)),
                self.compute_dtype,
            )
            for name, matrix in edges.items()
        }

    def compute_output_spec(self, ids: Any, valid: Any) -> dict[str, Any]:
        shape = (*ids.shape, ids.shape[1])
        return {
            name: keras.KerasTensor(shape, dtype=self.compute_dtype)
            for name in ("same", "outgoing", "incoming")
        }

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
