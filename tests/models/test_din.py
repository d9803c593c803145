"""DIN against NumPy."""

from __future__ import annotations

import numpy as np

from amer_tf.models import din
from tests.models.ctr_contract import (
    TargetContract,
    behavior_states,
    dice,
    flat_input,
    output,
    projected_target,
    scaled_logit,
)


def attended(model, states, target):
    """`sum_i a_i h_i`, `a` of an MLP with PReLU over `[h, t, h - t, h t]` (Zhou et al., 2018)."""
    kernel, bias, slopes, weight_kernel, weight_bias = model.get_layer(
        "amer.target_attention"
    ).get_weights()
    target = np.broadcast_to(target[:, None], states.shape)
    hidden = np.concatenate([states, target, states - target, states * target], axis=-1)
    hidden = hidden @ kernel + bias
    hidden = np.where(hidden > 0, hidden, slopes * hidden)
    weights = hidden @ weight_kernel + weight_bias  # [B, T, 1]
    return (weights * states).sum(axis=1)


class TestDin(TargetContract):
    system, title = din, "DIN"

    def expected(self, model, inputs):
        states, target = behavior_states(model, inputs), projected_target(model, inputs)
        parts = [flat_input(model, inputs), attended(model, states, target)]
        hidden = dice(model, np.concatenate(parts, axis=1))
        return scaled_logit(model, output(model, hidden))
