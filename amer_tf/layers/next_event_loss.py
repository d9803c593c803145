"""A loss that has states of a behaviour tell the next event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units


@keras.saving.register_keras_serializable(package="amer_tf")
class NextEventLoss(keras.layers.Layer):
    """Gives states as they are, and in training adds how badly they tell the next event.

    `L = -weight mean(log s(h_t, e_{t+1}) + log(1 - s(h_t, e'_{t+1})))`, `s` the sigmoid of an MLP
    over `[h, e]` with ReLU hidden layers. The other event `e'_{t+1}` is that of the next row of
    the batch at the same step, and that of the first row for the last one. The mean is over the
    steps whose next event and other event are both valid and not the same; 0 where there is none,
    as in a batch of one row. Outside training nothing is added.

    Reference: Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction",
    2019, interest extractor layer. The authors' code has sigmoid hidden layers behind a batch
    normalisation; ReLU leaves the loss of a guess, `2 log 2`, in a fraction of the steps. Xavier
    initialisation.

    Args:
        hidden_units: Positive integers, the sizes of the MLP's hidden layers.
        weight: Non-negative float. What the mean is multiplied by.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`.
        events: Float tensor of shape `(batch, steps, event units)`: what the states were made of.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.
        training: Whether to add the loss.

    Output shape: that of `states`.
    """

    def __init__(
        self, hidden_units: Sequence[int] = (100, 50), weight: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not hidden_units or any(units < 1 for units in hidden_units):
            raise ValueError(
                "`hidden_units` must be one or more positive integers. "
                f"Received: hidden_units={hidden_units!r}"
            )
        if weight < 0:
            raise ValueError(f"`weight` must not be negative. Received: weight={weight}")
        self.hidden_units = tuple(hidden_units)
        self.weight = weight
        policy = self.dtype_policy
        self.mlp = [
            keras.layers.Dense(units, "relu", dtype=policy, name=f"hidden_{index}")
            for index, units in enumerate(self.hidden_units)
        ]
        self.mlp.append(keras.layers.Dense(1, dtype=policy, name="logit"))
        self.supports_masking = True

    def build(self, states_shape: Any, events_shape: Any) -> None:
        width = require_static_units("NextEventLoss", states_shape)
        width += require_static_units("NextEventLoss", events_shape)
        for layer in self.mlp:
            layer.build((*states_shape[:-1], width))
            width = layer.units

    def call(
        self,
        states: Any,
        events: Any,
        states_mask: Any | None = None,
        training: bool | None = None,
    ) -> Any:
        if training:
            if states_mask is None:
                states_mask = ops.ones(ops.shape(states)[:2], dtype="bool")
            self.add_loss(self.weight * self._mean_loss(states, events, states_mask))
        return states

    def _mean_loss(self, states: Any, events: Any, mask: Any) -> Any:
        following = events[:, 1:]
        others = _of_the_next_row(following)
        valid = ops.logical_and(mask[:, :-1], mask[:, 1:])  # [B, T - 1]
        valid = ops.logical_and(valid, _of_the_next_row(mask[:, 1:]))
        differ = ops.any(ops.not_equal(following, others), axis=-1)
        counted = ops.cast(ops.logical_and(valid, differ), "float32")
        losses = ops.softplus(-self._logits(states[:, :-1], following))
        losses += ops.softplus(self._logits(states[:, :-1], others))
        return ops.sum(losses * counted) / ops.maximum(ops.sum(counted), 1.0)

    def _logits(self, states: Any, events: Any) -> Any:
        """float32 `(batch, steps)`: how well events fit to what the states expect."""
        hidden = ops.concatenate([states, events], axis=-1)
        for layer in self.mlp:
            hidden = layer(hidden)
        return ops.cast(ops.squeeze(hidden, -1), "float32")

    def compute_output_shape(self, states_shape: Any, events_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "weight": self.weight,
        }


def _of_the_next_row(values: Any) -> Any:
    """What the next row of the batch has, and for the last row the first."""
    return ops.concatenate([values[1:], values[:1]], axis=0)
