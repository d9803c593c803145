"""From one behaviour sequence to sessions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amer_tf")
class SessionDivision(keras.layers.Layer):
    """Divides a behaviour sequence where more than `max_gap` lies between two events.

    The newest sessions are kept, and of each its newest events. Both stand at the end of their
    axis, in the order of time: the newest event of all is the last of the last session, padding
    comes first. The first valid step begins a session whatever its gap is. Without gaps every
    `session_length` events are a session, counted from the newest.

    Reference: Feng et al., "Deep Session Interest Network for Click-Through Rate Prediction", 2019,
    session division layer: 30 minutes, 10 events.

    Args:
        num_sessions: Positive integer `S`, the most sessions that are kept.
        session_length: Positive integer `L`, the most events of a session that are kept.
        max_gap: Float, in the unit of `gaps`. An event with a longer gap before it begins a new
            session.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`, in the order of time.
        gaps: Float tensor of shape `(batch, steps)`: the time between each event and the one
            before it; or None.
        states_mask: Bool tensor of shape `(batch, steps)`, true at valid steps, or None.

    Output: a dict: `"states"` of shape `(batch, S, L, units)`, zeros at padding; `"events"`, bool
        of shape `(batch, S, L)`, true at events; `"sessions"`, bool of shape `(batch, S)`, true
        at sessions that have an event.
    """

    def __init__(
        self,
        num_sessions: int = 5,
        session_length: int = 10,
        max_gap: float = 1800.0,
        **kwargs: Any,
    ) -> None:
        # Half precision would round gaps near the longest one.
        super().__init__(autocast=False, **kwargs)
        for name, value in (("num_sessions", num_sessions), ("session_length", session_length)):
            if value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value}")
        self.num_sessions = num_sessions
        self.session_length = session_length
        self.max_gap = max_gap
        self.supports_masking = True

    def call(self, states: Any, gaps: Any | None = None, states_mask: Any | None = None) -> Any:
        if states_mask is None:
            states_mask = ops.ones(ops.shape(states)[:2], dtype="bool")
        valid = ops.cast(states_mask, "int32")  # [B, T]
        newer = ops.sum(valid, axis=1, keepdims=True) - ops.cumsum(valid, axis=1)
        if gaps is None:
            session, place = newer // self.session_length, newer % self.session_length
        else:
            session, place = self._by_gap(ops.cast(gaps, "float32"), states_mask, newer)
        # How an event is named by the places that are counted from the end.
        kept = states_mask & (session < self.num_sessions) & (place < self.session_length)
        slot = self.session_length * (self.num_sessions - session) - 1 - place
        slots = ops.arange(self.num_sessions * self.session_length)
        chosen = ops.equal(slots[None, :, None], slot[:, None, :]) & kept[:, None, :]  # [B, S L, T]
        states = ops.cast(states, self.compute_dtype)
        # A gather by row compiles poorly under XLA.
        dealt = ops.matmul(ops.cast(chosen, states.dtype), states)
        events = ops.reshape(ops.any(chosen, axis=-1), (-1, self.num_sessions, self.session_length))
        shape = (-1, self.num_sessions, self.session_length, states.shape[-1])
        return {
            "states": ops.reshape(dealt, shape),
            "events": events,
            "sessions": ops.any(events, axis=-1),
        }

    def _by_gap(self, gaps: Any, mask: Any, newer: Any) -> tuple[Any, Any]:
        """Session and place in it, both `[B, T]` and counted from the newest."""
        # At the first step a session begins that is counted without asking for its gap.
        begins = ops.cast((gaps > self.max_gap) & mask, "int32")  # [B, T]
        session = ops.sum(begins, axis=1, keepdims=True) - ops.cumsum(begins, axis=1)
        same = ops.equal(session[:, None, :], session[:, :, None]) & mask[:, None, :]
        after = newer[:, None, :] < newer[:, :, None]
        return session, ops.sum(ops.cast(same & after, "int32"), axis=-1)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_spec(
        self, states: Any, gaps: Any | None = None, states_mask: Any | None = None
    ) -> dict[str, Any]:
        batch, units = states.shape[0], states.shape[-1]
        shape = (batch, self.num_sessions, self.session_length)
        return {
            "states": keras.KerasTensor((*shape, units), dtype=self.compute_dtype),
            "events": keras.KerasTensor(shape, dtype="bool"),
            "sessions": keras.KerasTensor(shape[:-1], dtype="bool"),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_sessions": self.num_sessions,
            "session_length": self.session_length,
            "max_gap": self.max_gap,
        }
