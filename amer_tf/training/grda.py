"""An optimizer that drives gates which are of no use to exactly zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.training.row_sparse_adam import RowSparseAdam


@keras.saving.register_keras_serializable(package="amer_tf")
class GatedAdam(RowSparseAdam):
    """`RowSparseAdam`, but for gates generalised regularised dual averaging (GRDA).

    After step `n` with the gradients `g_1 ... g_n` a gate that began at `a_0` is
    `v_n = a_0 - rate sum_i g_i`, drawn to zero by a threshold that grows:
    `a_n = sign(v_n) max(0, |v_n| - c rate^{1/2} (n rate)^mu)`. With `mu` above 1/2 the threshold
    outgrows the noise of the gradients, so that gates whose gradients have no direction end at
    exactly zero. Gates and all else are updated in one step, not in two levels.

    Reference: Chao and Cheng, "A generalization of regularized dual averaging and its dynamics",
    2019, as used by Liu et al., "AutoFIS", 2020, with `rate = 1`, `c = 5e-4`, `mu = 0.8`.

    Args:
        learning_rate: Of all that is no gate.
        gates: Paths of the variables that are gates, such as `"amer.gates/kernel"`.
        gate_rate: Positive float.
        c: Non-negative float.
        mu: Float between 0 and 1.
        **kwargs: Of `RowSparseAdam`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        gates: Sequence[str] = (),
        gate_rate: float = 1.0,
        c: float = 5e-4,
        mu: float = 0.8,
        **kwargs: Any,
    ) -> None:
        if gate_rate <= 0 or c < 0 or not 0 < mu < 1:
            raise ValueError(
                "`gate_rate` must be positive, `c` not negative, and `mu` between 0 and 1. "
                f"Received: gate_rate={gate_rate}, c={c}, mu={mu}"
            )
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gates = tuple(gates)
        self.gate_rate = gate_rate
        self.c = c
        self.mu = mu

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        paths = [variable.path for variable in variables]
        for gate in self.gates:
            if gate not in paths:
                raise ValueError(f"`gates` must be among the variables {paths}. Received: {gate!r}")
        self._duals = [
            self.add_variable_from_reference(variable, name="dual")
            if variable.path in self.gates
            else None
            for variable in variables
        ]
        for variable, dual in zip(variables, self._duals, strict=True):
            if dual is not None:
                dual.assign(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dual = self._duals[self._get_variable_index(variable)]
        if dual is None:
            super().update_step(gradient, variable, learning_rate)
            return
        step = ops.cast(self.iterations + 1, variable.dtype)
        value = dual - self.gate_rate * ops.cast(gradient, variable.dtype)
        threshold = self.c * self.gate_rate**0.5 * (step * self.gate_rate) ** self.mu
        self.assign(dual, value)
        self.assign(variable, ops.sign(value) * ops.maximum(0.0, ops.abs(value) - threshold))

    def get_config(self) -> dict[str, Any]:
        own = {"gates": self.gates, "gate_rate": self.gate_rate, "c": self.c, "mu": self.mu}
        return {**super().get_config(), **own}


def c_for(first_gate: float, steps: float, gate_rate: float = 1.0, mu: float = 0.8) -> float:
    """`c` with which a gate that receives no gradient is at zero after so many steps."""
    return first_gate / (gate_rate**0.5 * (steps * gate_rate) ** mu)
