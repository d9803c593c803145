"""Which session an event stands in, at which place."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.layers.sequence_ops import zero_padded_steps


@keras.saving.register_keras_serializable(package="amer_tf")
class SessionBias(keras.layers.Layer):
    """Adds a learned number for the session, one for the place in it and one for the unit.

    `y_{s,t,c} = x_{s,t,c} + w^K_s + w^T_t + w^C_c` at events: the bias encoding.

    Reference: Feng et al., "Deep Session Interest Network for Click-Through Rate Prediction", 2019,
    session interest extractor layer. The numbers start uniform in +-0.05, as embeddings do.

    Call arguments:
        states: Float tensor of shape `(batch, sessions, length, units)`, all but the batch known.
        mask: Bool tensor of shape `(batch, sessions, length)`, true at events, or None.

    Output shape: that of `states`, zeros at padding.

    Raises:
        ValueError: Where the number of sessions, their length or the units are not known.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, states_shape: Any) -> None:
        if len(states_shape) != 4 or None in states_shape[1:]:
            raise ValueError(
                "The states of `SessionBias` must be of shape `(batch, sessions, length, units)`, "
                "all but the batch known when it is built. "
                f"Received: states_shape={tuple(states_shape)}"
            )
        sessions, length, units = states_shape[1:]
        shapes = {"session": (sessions, 1, 1), "place": (length, 1), "unit": (units,)}
        self.parts = [
            self.add_weight(
                name=name, shape=shape, initializer=keras.initializers.RandomUniform(-0.05, 0.05)
            )
            for name, shape in shapes.items()
        ]

    def call(self, states: Any, mask: Any | None = None) -> Any:
        session, place, unit = self.parts
        return zero_padded_steps(states + (session + place + unit), mask)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
