"""DIEN: how the interest in the target evolved along the behaviour, and an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import table_parts
from amer_tf.models.behavior_parts import Behavior
from amer_tf.models.components import layer_name


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 16,
    hidden_units: Sequence[int] = (200, 80),
    dropout: float = 0.0,
    l2: float = 0.0,
    auxiliary_weight: float = 1.0,
) -> keras.Model:
    """Builds a DIEN: beside the summed behaviour stands the last state of a GRU that attends.

    `z = w^T MLP([e, numbers, sum_i e_i, h'_T]) + b`, Dice hidden layers, with the states `h` of a
    GRU over the events `e_i`, `a_t = exp(h_t W t) / sum_j exp(h_j W t)` for the target `t`, and
    the states `h'` of a GRU over `h` whose update gate is multiplied by `a_t` (AUGRU). In training
    the model's losses hold `auxiliary_weight` times the loss of `NextEventLoss`: `h_t` must tell
    the next event `e_{t+1}` from the event that the next row of the batch has at that step. It is
    absent at inference. Behaviour fields that are numbers are read as part of an event.

    Reference: Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction",
    2019; here (AMER, appendix C.3) the sum of the behaviour stands beside the last state.

    Args:
        spec: What the model reads and predicts, of task ctr, with a target that is mapped to the
            behaviour.
        embedding_dim: `K`.
        hidden_units: Hidden layers of the MLP.
        dropout: Rate of dropout on the hidden layers.
        l2: Weight of the squared embeddings that a batch gathers.
        auxiliary_weight: Weight of the loss on the next event, `alpha`; 0 leaves it out.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where there is no such target, or the task is another.
        ValueError: Where `auxiliary_weight` is negative.
    """
    table_parts.require_target(spec, "DIEN")
    if auxiliary_weight < 0:
        raise ValueError(
            "`auxiliary_weight` must not be negative. "
            f"Received: auxiliary_weight={auxiliary_weight}"
        )

    def interests(inputs: dict[str, Any], behavior: Behavior) -> list[Any]:
        return [_evolved_interest(behavior, auxiliary_weight)]

    table = table_parts.read_table(spec, "DIEN", embedding_dim, l2, interests=interests)
    hidden = table_parts.deep_part(table.flat, hidden_units, dropout, "dice")
    return keras.Model(table.inputs, table_parts.joint_logit(hidden), name="dien")


def _evolved_interest(behavior: Behavior, auxiliary_weight: float) -> Any:
    """The last state of the AUGRU, `(B, D)`; zeros for users without a history."""
    events, mask, target = behavior
    extractor = layers.AttentionalGru(name=layer_name("interest_extractor"))
    states = extractor(events, states_mask=mask)  # [B, T, D]
    if auxiliary_weight:
        loss = layers.NextEventLoss(weight=auxiliary_weight, name=layer_name("next_event_loss"))
        states = loss(states, events, states_mask=mask)
    attention = layers.BilinearAttention(name=layer_name("interest_attention"))
    weights = attention(states, target, states_mask=mask)  # [B, T]
    evolution = layers.AttentionalGru(name=layer_name("interest_evolution"))
    evolved = evolution(states, weights, states_mask=mask)
    return layers.LastPooling(name=layer_name("interest"))(evolved, mask)
