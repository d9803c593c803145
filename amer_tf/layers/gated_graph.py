"""Gated recurrent units over the nodes of a graph."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform


@keras.saving.register_keras_serializable(package="amer_tf")
class GatedGraph(keras.layers.Layer):
    """Lets each item of a sequence learn of those before and after it.

    The state `v` of a node starts as the mean of the states of its steps. In each round
    `a = [outgoing V W_out; incoming V W_in] + b`, `z = sigmoid(a W_z + v U_z)`,
    `r = sigmoid(a W_r + v U_r)`, `g = tanh(a W_g + (r v) U_g)`, `v' = (1 - z) v + z g`.

    Reference: Wu et al., "Session-based Recommendation with Graph Neural Networks", 2019, after
    Li et al., "Gated Graph Sequence Neural Networks", 2016. Xavier kernels, orthogonal recurrent
    kernels.

    Args:
        num_rounds: Positive integer, how often the nodes hear of their neighbours.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        same: Float tensor of shape `(batch, steps, steps)`; this and the next as `SessionGraph`
            gives them.
        outgoing: Likewise.
        incoming: Likewise.

    Output shape: that of `states`: of each step the state of its node; zeros at padded steps.
    """

    def __init__(self, num_rounds: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_rounds < 1:
            raise ValueError(
                f"`num_rounds` must be a positive integer. Received: num_rounds={num_rounds}"
            )
        self.num_rounds = num_rounds

    def build(
        self, states_shape: Any, same_shape: Any, outgoing_shape: Any, incoming_shape: Any
    ) -> None:
        units = require_static_units("GatedGraph", states_shape)
        self.edge_kernel = self.add_weight(
            name="edge_kernel",  # outgoing, incoming side by side
            shape=(units, 2 * units),
            initializer=xavier_uniform(units, units),
        )
        self.edge_bias = self.add_weight(name="edge_bias", shape=(2 * units,), initializer="zeros")
        self.kernel = self.add_weight(
            name="kernel",  # z, r, g side by side
            shape=(2 * units, 3 * units),
            initializer=xavier_uniform(2 * units, units),
        )
        self.gate_kernel = self.add_weight(
            name="gate_kernel", shape=(units, 2 * units), initializer="orthogonal"
        )
        self.candidate_kernel = self.add_weight(
            name="candidate_kernel", shape=(units, units), initializer="orthogonal"
        )

    def call(self, states: Any, same: Any, outgoing: Any, incoming: Any) -> Any:
        nodes = ops.matmul(same, states)
        for _ in range(self.num_rounds):
            following, previous = ops.split(ops.matmul(nodes, self.edge_kernel), 2, axis=-1)
            heard = [ops.matmul(outgoing, following), ops.matmul(incoming, previous)]
            heard = ops.concatenate(heard, axis=-1) + self.edge_bias  # [B, T, 2 D]
            heard_z, heard_r, heard_g = ops.split(ops.matmul(heard, self.kernel), 3, axis=-1)
            own_z, own_r = ops.split(ops.matmul(nodes, self.gate_kernel), 2, axis=-1)
            update = ops.sigmoid(heard_z + own_z)
            kept = ops.sigmoid(heard_r + own_r) * nodes
            candidate = ops.tanh(heard_g + ops.matmul(kept, self.candidate_kernel))
            nodes = (1.0 - update) * nodes + update * candidate
        # The bias would leak out of padded steps, of whose rows nothing is the same.
        valid = ops.any(same > 0, axis=-1, keepdims=True)
        return nodes * ops.cast(valid, nodes.dtype)

    def compute_output_shape(
        self, states_shape: Any, same_shape: Any, outgoing_shape: Any, incoming_shape: Any
    ) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_rounds": self.num_rounds}
