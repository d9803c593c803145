"""Adam that moves only the embedding rows a batch has gathered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.ops import control_flow_util

# A whole-table pass is quicker than scattering while the table has at most so many rows for
# each look-up (2 cores: 12,103 x 64 and 10,752 look-ups, XLA: 2.6 ms against 11.6 ms).
_MAX_ROWS_PER_LOOKUP = 2
_DENSIFYING = (
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "gradient_accumulation_steps",
)


@keras.saving.register_keras_serializable(package="amer_tf")
class RowSparseAdam(keras.optimizers.Adam):
    """Adam whose moments and weights of untouched embedding rows stay as they are.

    A gradient that is `tf.IndexedSlices` (the gradient of a gather) updates the gathered rows
    alone, once each, with the sum of its duplicates: "lazy" Adam. Keras's own moves every row at
    every step, also by momentum of long ago. Dense gradients are updated as in
    `keras.optimizers.Adam`, so one optimizer serves the whole model and its one learning rate can
    be scheduled by any callback (a `keras.optimizers.MultiOptimizer` has none to set).
    Runs in plain and in XLA-compiled functions. TensorFlow backend only.

    `m_r += (1 - beta_1) (g_r - m_r)`, `v_r += (1 - beta_2) (g_r^2 - v_r)`,
    `w_r -= rate sqrt(1 - beta_2^n) / (1 - beta_1^n) m_r / (sqrt(v_r) + epsilon)` for every
    gathered row `r` at step `n`.

    Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Args:
        learning_rate: Positive float or schedule.
        embedding_rate_factor: Positive float: row-wise updates use the learning rate times this.
        beta_1: Decay of the first moment.
        beta_2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        **kwargs: `name` and `loss_scale_factor`. What Keras can only do by making the gradient
            dense (weight decay, clipping, averaging, accumulation) is refused; for clipping see
            `clip_by_global_norm`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        embedding_rate_factor: float = 1.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        for name in (*_DENSIFYING, "amsgrad"):
            if kwargs.get(name):
                raise ValueError(
                    f"RowSparseAdam has no `{name}`: it would touch every row of a table. "
                    f"Received: {name}={kwargs[name]}"
                )
        if embedding_rate_factor <= 0:
            raise ValueError(
                "`embedding_rate_factor` must be a positive number. "
                f"Received: embedding_rate_factor={embedding_rate_factor}"
            )
        super().__init__(
            learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs
        )
        self.embedding_rate_factor = embedding_rate_factor

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        table = variable.value if isinstance(variable, keras.Variable) else variable
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype) * self.embedding_rate_factor
        rate *= tf.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        ids, values = gradient.indices, tf.cast(gradient.values, variable.dtype)
        num_rows, num_lookups = table.shape[0], ids.shape[0]
        if num_lookups is not None and num_rows <= _MAX_ROWS_PER_LOOKUP * num_lookups:
            update = self._update_whole_table
        elif _compiled_by_xla():
            update = self._update_in_slots
        else:
            update = self._update_unique_rows
        update(table, momentum, velocity, ids, values, rate)

    def _update_whole_table(
        self, table: Any, momentum: Any, velocity: Any, ids: Any, values: Any, rate: Any
    ) -> None:
        """Static shapes; one pass over all rows, which leaves the untouched ones in place."""
        num_rows = table.shape[0]
        summed = tf.math.unsorted_segment_sum(values, ids, num_rows)  # (rows, K)
        touched = tf.math.unsorted_segment_max(tf.ones_like(ids), ids, num_rows) > 0
        changes = self._changes(touched, summed, momentum, velocity, rate)
        for variable, change in zip((momentum, velocity, table), changes, strict=True):
            variable.assign_add(change)

    def _update_in_slots(
        self, table: Any, momentum: Any, velocity: Any, ids: Any, values: Any, rate: Any
    ) -> None:
        """Static shapes, as XLA needs them: a slot for each look-up.

        The last look-up of a row keeps the sum of its duplicates; the others add zero to it.
        """
        num_lookups = tf.shape(ids)[0]
        positions = tf.range(num_lookups)
        last = tf.math.unsorted_segment_max(positions, ids, table.shape[0])  # (rows,)
        slots = tf.gather(last, ids)  # (n,)
        summed = tf.math.unsorted_segment_sum(values, slots, num_lookups)  # (n, K)
        changes = self._changes(
            tf.equal(slots, positions),
            summed,
            tf.gather(momentum, ids),
            tf.gather(velocity, ids),
            rate,
        )
        for variable, change in zip((momentum, velocity, table), changes, strict=True):
            variable.scatter_add(tf.IndexedSlices(change, ids))

    def _update_unique_rows(
        self, table: Any, momentum: Any, velocity: Any, ids: Any, values: Any, rate: Any
    ) -> None:
        """As many slots as there are different rows: a shape that XLA cannot have."""
        rows, slots = tf.unique(ids)
        summed = tf.math.unsorted_segment_sum(values, slots, tf.size(rows))  # (u, K)
        changes = self._changes(
            tf.ones_like(rows, dtype="bool"),
            summed,
            tf.gather(momentum, rows),
            tf.gather(velocity, rows),
            rate,
        )
        for variable, change in zip((momentum, velocity, table), changes, strict=True):
            variable.scatter_add(tf.IndexedSlices(change, rows))

    def _changes(
        self, touched: Any, summed: Any, momentum: Any, velocity: Any, rate: Any
    ) -> tuple[Any, Any, Any]:
        """What the rows' moments and weights change by; zero where a row is not touched."""
        touched = touched[:, None]
        first = tf.where(touched, (summed - momentum) * (1.0 - self.beta_1), 0.0)
        second = tf.where(touched, (tf.square(summed) - velocity) * (1.0 - self.beta_2), 0.0)
        moved = (momentum + first) / (tf.sqrt(velocity + second) + self.epsilon)
        return first, second, tf.where(touched, -rate * moved, 0.0)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in (*_DENSIFYING, "amsgrad", "ema_momentum", "ema_overwrite_frequency"):
            config.pop(name)
        return {**config, "embedding_rate_factor": self.embedding_rate_factor}


def clip_by_global_norm(gradients: Sequence[Any], norm: float) -> list[Any]:
    """Scales all gradients so that their common norm is at most `norm`.

    `tf.IndexedSlices` stay sparse; duplicates of a row count one by one in the norm, because
    summing them first would cost as much as the update. A NaN or infinite norm makes every
    gradient NaN.

    Args:
        gradients: Dense tensors, `tf.IndexedSlices` or None.
        norm: Positive float.
    """
    if not (norm > 0 and math.isfinite(norm)):
        raise ValueError(f"`norm` must be a positive number. Received: norm={norm}")
    clipped, _ = tf.clip_by_global_norm(list(gradients), norm)
    return list(clipped)


def _compiled_by_xla() -> bool:
    """Whether the function that is being traced has `jit_compile=True`."""
    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))
