"""DSIN: what the sessions of a behaviour were about, and an MLP."""

from __future__ import annotations

import math
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
# Twice the distance of float32 numbers below 1: 30 minutes are no gap, however they are rounded.
_ROUNDING = 2.0**-23


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 80),
    dropout: float = 0.0,
    l2: float = 0.0,
    num_sessions: int = 5,
    num_heads: int = NUM_HEADS,
    gap_field: str | None = None,
) -> keras.Model:
    """Builds a DSIN: beside the summed behaviour stand two sums over its sessions.

    `z = w^T MLP([e, numbers, sum_i e_i, sum_k a_k I_k, sum_k a'_k H_k]) + b`, ReLU hidden layers.
    `I_k` is what session `k` was about: the mean of self-attention among its events, to which a
    bias encoding is added; `H_k` the state there of a Bi-LSTM over the sessions, the mean of both
    directions; `a_k = exp(I_k W t) / sum_j exp(I_j W t)` for the target `t`, and `a'` likewise.

    Between two sessions lie more than 30 minutes; the newest sessions are read, and of each its
    newest 10 events (AMER, appendix C.3). Where no gaps are known every 10 events are a session,
    counted from the newest. Behaviour fields that are numbers, the gaps too, are read as part of
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
        gap_field: Name of a numeric behaviour field with the seconds between each event and the
            user's event before it, such as data preparation computes (`history_gap`). It is read
            through the spec's fitted normalisation, between whose ends 30 minutes must lie. None
            where no gaps are known.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where there is no such target or gap, or the task is another.
        ValueError: Where `num_sessions` or `num_heads` is not positive or the heads do not divide
            the units.
    """
    table_parts.require_target(spec, "DSIN")
    division = layers.SessionDivision(
        num_sessions,
        SESSION_LENGTH,
        MAX_GAP if gap_field is None else _normalized_max_gap(spec, gap_field),
        name=layer_name("sessions"),
    )

    def interests(inputs: dict[str, Any], behavior: Behavior) -> list[Any]:
        gaps = None if gap_field is None else inputs[gap_field]
        sessions = division(behavior.states, gaps, states_mask=behavior.mask)
        return _session_interests(sessions, behavior.target, num_heads)

    table = table_parts.read_table(spec, "DSIN", embedding_dim, l2, interests=interests)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout)
    return keras.Model(table.inputs, table_parts.joint_logit(hidden), name="dsin")


def _normalized_max_gap(spec: FeatureSpec, gap_field: str) -> float:
    """30 minutes as the model reads them; what it reads grows with the gap."""
    field = spec.field(gap_field)
    if not isinstance(field, NumericField) or field.role != "behavior":
        raise SpecError(
            "`gap_field` must name a numeric behaviour field. "
            f"Received: gap_field={gap_field!r}, which is {field!r}"
        )
    normalization, place = field.normalization, f"fields[{gap_field!r}].normalization"
    if normalization.low is None or normalization.high is None:
        raise SpecError(
            "The normalisation of `gap_field` must be fitted, so that it says what 30 minutes "
            f"are. Received: {place}={normalization!r}"
        )
    max_gap = math.log1p(MAX_GAP) if normalization.log else float(MAX_GAP)
    low, high = normalization.low, normalization.high
    if not low <= max_gap < high:
        raise SpecError(
            f"The normalisation of `gap_field` must tell gaps of more than {MAX_GAP} seconds from "
            f"shorter ones, and clips both to one number: leave `gap_field` out. "
            f"Received: {place}={normalization!r}"
        )
    return 2.0 * (max_gap - low) / (high - low) - 1.0 + _ROUNDING


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
