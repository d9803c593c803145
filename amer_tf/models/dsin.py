"""DSIN: what the sessions of a behaviour were about, and an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec, NumericField, SpecError
from amer_tf.models import table_parts
from amer_tf.models.behavior_parts import Behavior
from amer_tf.models.components import layer_name

SESSION_LENGTH = 10
MAX_GAP = 30 * 60  # seconds
NUM_HEADS = 4


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 80),
    dropout: float = 0.0,
    l2: float = 0.0,
    num_sessions: int = 5,
    num_heads: int = NUM_HEADS,
    time_field: str | None = None,
) -> keras.Model:
    """Builds a DSIN: beside the summed behaviour stand two sums over its sessions.

    `z = w^T MLP([e, numbers, sum_i e_i, sum_k a_k I_k, sum_k a'_k H_k]) + b`, ReLU hidden layers.
    `I_k` is what session `k` was about: the mean of self-attention among its events, to which a
    bias encoding is added; `H_k` the state there of a Bi-LSTM over the sessions, the mean of both
    directions; `a_k = exp(I_k W t) / sum_j exp(I_j W t)` for the target `t`, and `a'` likewise.

    Between two sessions lie more than 30 minutes; the newest sessions are read, and of each its
    newest 10 events (AMER, appendix C.3). Where no time is known every 10 events are a session,
    counted from the newest. Behaviour fields that are numbers, the time too, are read as part of
    an event.

    Reference: Feng et al., "Deep Session Interest Network for Click-Through Rate Prediction", 2019;
    here (AMER, appendix C.3) the sum of the behaviour stands beside the sessions.

    Args:
        spec: What the model reads and predicts, of task ctr, with a target that is mapped to the
            behaviour.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.
        num_sessions: The most sessions that are read, `S`.
        num_heads: Heads of the self-attention. It divides `K` times the behaviour fields.
        time_field: Name of a numeric behaviour field with the time of each event, in seconds: a
            date or an age. It is read through the spec's fitted normalisation, which must have no
            logarithm; times that this clips count as one moment. None where no time is known.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where there is no such target or time, or the task is another.
        ValueError: Where `num_sessions` or `num_heads` is not positive or the heads do not divide
            the units.
    """
    table_parts.require_target(spec, "DSIN")
    division = layers.SessionDivision(
        num_sessions,
        SESSION_LENGTH,
        MAX_GAP if time_field is None else _normalized_gap(spec, time_field),
        name=layer_name("sessions"),
    )

    def interests(inputs: dict[str, Any], behavior: Behavior) -> list[Any]:
        times = None if time_field is None else inputs[time_field]
        sessions = division(behavior.states, times, states_mask=behavior.mask)
        return _session_interests(sessions, behavior.target, num_heads)

    table = table_parts.read_table(spec, "DSIN", embedding_dim, l2, interests=interests)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.joint_logit(hidden), name="dsin")


def _normalized_gap(spec: FeatureSpec, time_field: str) -> float:
    """The gap between two sessions, as a difference of normalised times."""
    field = spec.field(time_field)
    if not isinstance(field, NumericField) or field.role != "behavior":
        raise SpecError(
            "`time_field` must name a numeric behaviour field. "
            f"Received: time_field={time_field!r}, which is {field!r}"
        )
    normalization = field.normalization
    if normalization.low is None or normalization.high is None or normalization.log:
        raise SpecError(
            "The normalisation of `time_field` must be fitted and have no logarithm, so that "
            "30 minutes are as long everywhere. "
            f"Received: fields[{time_field!r}].normalization={normalization!r}"
        )
    return 2.0 * MAX_GAP / (normalization.high - normalization.low)


def _session_interests(sessions: dict[str, Any], target: Any, num_heads: int) -> list[Any]:
    """`sum_k a_k I_k` and `sum_k a'_k H_k`, `(B, D)` each; zeros for users without a history."""
    mask = sessions["sessions"]  # [B, S]
    biased = layers.SessionBias(name=layer_name("session_bias"))(
        sessions["states"], mask=sessions["events"]
    )
    interest = layers.SessionInterest(num_heads, name=layer_name("session_interest"))
    interests = interest(biased, mask=sessions["events"])  # [B, S, D]
    # A loop over a cell: the kernel of cuDNN is none that XLA could compile, and unrolled the
    # backward direction of Keras reads padding that comes first.
    cell = keras.layers.LSTMCell(interests.shape[-1], name="cell")
    lstm = keras.layers.RNN(cell, return_sequences=True, name="lstm")
    both = keras.layers.Bidirectional(lstm, merge_mode="ave", name=layer_name("session_lstm"))
    evolved = both(interests, mask=mask)
    return [
        _attended(name, states, mask, target)
        for name, states in (("session", interests), ("evolved_session", evolved))
    ]


def _attended(name: str, states: Any, mask: Any, target: Any) -> Any:
    """`sum_k a_k s_k`, `(B, D)`."""
    attention = layers.BilinearAttention(name=layer_name(name, "attention"))
    weights = attention(states, target, states_mask=mask)
    return keras.layers.Dot(axes=1, name=layer_name(name, "sum"))([weights, states])
