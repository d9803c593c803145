"""One block of the behaviour supernet: every candidate at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf.layers.candidates import (
    ACTIVATION_FUNCTIONS,
    LAYER_FACTORIES,
    apply_layer,
    build_layer,
    make_layer,
    require_known,
)
from amer_tf.layers.fused_dropout import FusedDropout
from amer_tf.layers.masked_normalization import MaskedLayerNormalization


@keras.saving.register_keras_serializable(package="amer_tf")
class ChoiceBlock(keras.layers.Layer):
    """Runs `P` paths through the `P` candidates of a block, one path through each.

    `H'_k = Act_k(Layer_k(Norm_k(H_k))) + H_k`: the path in slot `k` goes through candidate `k`;
    its norm and activation are given as one-hot rows. There is no branch, and every candidate
    gets a true gradient in every update. The caller brings the paths into slot order.

    Reference: AMER, equation 3, trained with the strict fairness of FairNAS (Chu et al., 2019).
    With the same weights a slot equals `ResidualBlock`.

    Args:
        layers: Different keys of `candidates.LAYER_FACTORIES`, one for each slot.
        dropout: Float in [0, 1). Fraction of the operations' output dropped in training.
        causal: Whether a step sees older steps only.

    Call arguments:
        states: Float tensor of shape `(slots, batch, steps, units)`, zeros at padded steps.
        mask: Bool tensor of shape `(slots, batch, steps)`, or `(1, batch, steps)` where all
            paths see one batch; true at valid steps.
        norm_choice: Float tensor of shape `(slots, 2)`, one-hot over layer_norm, none.
        activation_choice: Float tensor of shape `(slots, 4)`, one-hot over relu, gelu, swish,
            identity.
        target: Float tensor of shape `(slots, batch, units)` or `(1, batch, units)`; only
            `"target_attention"` needs it.
        training: Whether to drop.

    Output shape: that of `states`, in slot order.
    """

    def __init__(
        self,
        layers: Sequence[str],
        dropout: float = 0.0,
        causal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name in layers:
            require_known("layer", name, LAYER_FACTORIES)
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(
                f"`layers` must be one or more different names. Received: layers={layers!r}"
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"`dropout` must be in [0, 1). Received: dropout={dropout}")
        self.layer_names = tuple(layers)
        self.dropout = dropout
        self.causal = causal
        policy = self.dtype_policy
        self.normalization = MaskedLayerNormalization(dtype=policy, name="normalization")
        self.candidates = [
            make_layer(name, causal=causal, dtype=policy, name=name) for name in layers
        ]
        self.dropout_layer = FusedDropout(dropout, dtype=policy, name="dropout")
        self.supports_masking = True

    def candidate(self, name: str) -> keras.layers.Layer:
        """The layer of a candidate, by its name."""
        require_known("layer", name, self.layer_names)
        return self.candidates[self.layer_names.index(name)]

    def build(self, states_shape: Any, target_shape: Any | None = None) -> None:
        if states_shape[0] != len(self.layer_names):
            raise ValueError(
                f"`states` must have one slot for each of {len(self.layer_names)} candidates on "
                f"the first axis. Received: states_shape={tuple(states_shape)}"
            )
        self.normalization.build(states_shape)
        for layer in self.candidates:
            build_layer(layer, states_shape[1:], None if target_shape is None else target_shape[1:])

    def call(
        self,
        states: Any,
        mask: Any,
        norm_choice: Any,
        activation_choice: Any,
        target: Any | None = None,
        training: bool | None = None,
    ) -> Any:
        normed = self.normalization(states, mask=mask)
        hidden = _mix([normed, states], norm_choice)
        hidden = ops.stack(
            [
                apply_layer(layer, hidden[slot], _slot(mask, slot), _slot(target, slot))
                for slot, layer in enumerate(self.candidates)
            ]
        )  # [P, B, T, D]; the slot of "zero" is 0, which every activation keeps
        hidden = _mix([function(hidden) for function in _ACTIVATIONS], activation_choice)
        return states + self.dropout_layer(hidden, training=training)

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": list(self.layer_names),
            "dropout": self.dropout,
            "causal": self.causal,
        }


_ACTIVATIONS = tuple(ACTIVATION_FUNCTIONS.values())


def _slot(values: Any | None, slot: int) -> Any | None:
    """What belongs to one slot, of a tensor that has all slots or one for all."""
    if values is None:
        return None
    return values[0 if values.shape[0] == 1 else slot]


def _mix(options: list[Any], choice: Any) -> Any:
    """Takes, for each slot, the option whose number in `choice` is one."""
    choice = ops.cast(choice, options[0].dtype)[:, :, None, None, None]  # [P, options, 1, 1, 1]
    mixed = options[0] * choice[:, 0]
    for index, option in enumerate(options[1:], start=1):
        mixed = mixed + option * choice[:, index]
    return mixed
