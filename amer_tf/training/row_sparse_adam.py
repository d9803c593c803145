"""Adam that moves only the embedding rows a batch has gathered."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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


class _Rows(NamedTuple):
    """Rows of a table, their moments, and the steps that gathered them last."""

    table: Any
    momentum: Any
    velocity: Any
    gathered_at: Any


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
    gathered row `r` at step `n`. With `row_l2` its gradient is that of the loss and
    `row_l2 (n - n_r) w_r`, `n_r` the step that gathered it before: what a penalty
    `row_l2 / 2 sum(w^2)` over the whole table would have added in the steps since then. So rare
    rows, about which the data say little, are drawn to zero more than frequent ones.

    Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Args:
        learning_rate: Positive float or schedule.
        embedding_rate_factor: Positive float: row-wise updates use the learning rate times this.
        row_l2: Non-negative float: weight of the squared rows of row-wise updates.
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
        row_l2: float = 0.0,
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
        if row_l2 < 0:
            raise ValueError(f"`row_l2` must not be negative. Received: row_l2={row_l2}")
        super().__init__(
            learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs
        )
        self.embedding_rate_factor = embedding_rate_factor
        self.row_l2 = row_l2

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        # TensorFlow keeps int32 variables off accelerators.
        self._gathered_at = [
            self.add_variable((variable.shape[0],), dtype="int64", name=f"{variable.name}_gathered")
            if self.row_l2 and len(variable.shape) == 2
            else None
            for variable in variables
        ]
        self._slots = [
            self.add_variable((variable.shape[0],), dtype="int64", name=f"{variable.name}_slot")
            if len(variable.shape) == 2
            else None
            for variable in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        gathered_at = self._gathered_at[index]
        table = variable.value if isinstance(variable, keras.Variable) else variable
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype) * self.embedding_rate_factor
        rate *= tf.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        ids, values = gradient.indices, tf.cast(gradient.values, variable.dtype)
        num_rows, num_lookups = table.shape[0], ids.shape[0]
        if num_lookups is not None and num_rows <= _MAX_ROWS_PER_LOOKUP * num_lookups:
            update: Callable[..., None] = self._update_whole_table
        elif _compiled_by_xla():
            update = functools.partial(self._update_in_slots, self._slots[index].value)
        else:
            update = self._update_unique_rows
        rows = _Rows(table, momentum, velocity, None if gathered_at is None else gathered_at.value)
        update(rows, ids, values, rate)

    def _update_whole_table(self, rows: _Rows, ids: Any, values: Any, rate: Any) -> None:
        """Static shapes; one pass over all rows, which leaves the untouched ones in place."""
        num_rows = rows.table.shape[0]
        summed = tf.math.unsorted_segment_sum(values, ids, num_rows)  # (rows, K)
        touched = tf.math.unsorted_segment_max(tf.ones_like(ids), ids, num_rows) > 0
        changes = self._changes(rows, touched, summed, rate)
        for variable, change in zip(rows, changes, strict=True):
            if variable is not None:
                variable.assign_add(change)

    def _update_in_slots(
        self, slot_of_row: Any, rows: _Rows, ids: Any, values: Any, rate: Any
    ) -> None:
        """Static shapes, as XLA needs them: a slot for each look-up.

        One look-up of each row keeps the sum of its duplicates; the others add zero to it. Which
        one stands in `slot_of_row`, a variable: to fill an array of its size in each step would
        take longer the larger the table is.
        """
        num_lookups = tf.shape(ids)[0]
        positions = tf.range(tf.cast(num_lookups, "int64"))
        slot_of_row.scatter_update(tf.IndexedSlices(positions, ids))
        slots = tf.gather(slot_of_row, ids)  # (n,)
        summed = tf.math.unsorted_segment_sum(values, slots, num_lookups)  # (n, K)
        self._scatter(rows, ids, tf.equal(slots, positions), summed, rate)

    def _update_unique_rows(self, rows: _Rows, ids: Any, values: Any, rate: Any) -> None:
        """As many slots as there are different rows: a shape that XLA cannot have."""
        unique, slots = tf.unique(ids)
        summed = tf.math.unsorted_segment_sum(values, slots, tf.size(unique))  # (u, K)
        self._scatter(rows, unique, tf.ones_like(unique, dtype="bool"), summed, rate)

    def _scatter(self, rows: _Rows, ids: Any, touched: Any, summed: Any, rate: Any) -> None:
        """Changes the rows `ids`, each by the one of its slots that is `touched`."""
        gathered = _Rows(*(None if part is None else tf.gather(part, ids) for part in rows))
        changes = self._changes(gathered, touched, summed, rate)
        for variable, change in zip(rows, changes, strict=True):
            if variable is not None:
                variable.scatter_add(tf.IndexedSlices(change, ids))

    def _changes(self, rows: _Rows, touched: Any, summed: Any, rate: Any) -> _Rows:
        """What the rows, their moments and steps change by; zero where a row is not touched."""
        steps = None
        if rows.gathered_at is not None:
            missed = tf.cast(self.iterations + 1, "int64") - rows.gathered_at
            summed += self.row_l2 * tf.cast(missed, summed.dtype)[:, None] * rows.table
            steps = tf.where(touched, missed, 0)
        touched = touched[:, None]
        first = tf.where(touched, (summed - rows.momentum) * (1.0 - self.beta_1), 0.0)
        squared = tf.square(summed)
        second = tf.where(touched, (squared - rows.velocity) * (1.0 - self.beta_2), 0.0)
        moved = (rows.momentum + first) / (tf.sqrt(rows.velocity + second) + self.epsilon)
        return _Rows(tf.where(touched, -rate * moved, 0.0), first, second, steps)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in (*_DENSIFYING, "amsgrad", "ema_momentum", "ema_overwrite_frequency"):
            config.pop(name)
        own = {"embedding_rate_factor": self.embedding_rate_factor, "row_l2": self.row_l2}
        return {**config, **own}


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
