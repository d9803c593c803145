"""One block of a derived behaviour network."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.layers.candidates import (
    ACTIVATION_FUNCTIONS,
    LAYER_FACTORIES,
    NORM_NAMES,
    apply_layer,
    build_layer,
    make_layer,
    require_known,
)
from amer_tf.layers.fused_dropout import FusedDropout
from amer_tf.layers.masked_normalization import MaskedLayerNormalization


@keras.saving.register_keras_serializable(package="amer_tf")
class ResidualBlock(keras.layers.Layer):
    """Normalisation, one sequence layer and an activation, added to what came in.

    `H' = Act(Layer(Norm(H))) + H`. Reference: AMER, equation 3. The layer `"zero"` gives `H`
    unchanged.

    Args:
        norm: `"layer_norm"` or `"none"`.
        layer: A key of `candidates.LAYER_FACTORIES`.
        activation: A key of `candidates.ACTIVATION_FUNCTIONS`.
        dropout: Float in [0, 1). Fraction of the operation's output dropped in training.
        drop_operation: Float in [0, 1). Fraction of the examples that skip the whole operation
            in training; the others are scaled by `1 / (1 - drop_operation)`.
        causal: Whether a step sees older steps only.

    Call arguments:
        states: Float tensor of shape `(batch, steps, units)`, zeros at padded steps.
        mask: Bool tensor of shape `(batch, steps)`, true at valid steps.
        target: Float tensor of shape `(batch, units)`; only `"target_attention"` needs it.
        training: Whether to drop.

    Output shape: that of `states`, zeros at padded steps.
    """

    def __init__(
        self,
        norm: str,
        layer: str,
        activation: str,
        dropout: float = 0.0,
        drop_operation: float = 0.0,
        causal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_known("norm", norm, NORM_NAMES)
        require_known("layer", layer, LAYER_FACTORIES)
        require_known("activation", activation, ACTIVATION_FUNCTIONS)
        for name, rate in (("dropout", dropout), ("drop_operation", drop_operation)):
            if not 0.0 <= rate < 1.0:
                raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={rate}")
        self.norm = norm
        self.layer = layer
        self.activation = activation
        self.dropout = dropout
        self.drop_operation = drop_operation
        self.causal = causal
        self.supports_masking = True
        self.normalization: MaskedLayerNormalization | None = None
        if layer == "zero":  # nothing is computed, so nothing is stored
            return
        policy = self.dtype_policy
        if norm == "layer_norm":
            self.normalization = MaskedLayerNormalization(dtype=policy, name="normalization")
        self.operation = make_layer(layer, causal=causal, dtype=policy, name=layer)
        self.dropout_layer = FusedDropout(dropout, dtype=policy, name="dropout")
        self.drop_operation_layer = FusedDropout(
            drop_operation, noise_shape=(None, 1, 1), dtype=policy, name="drop_operation"
        )

    def build(self, states_shape: Any, target_shape: Any | None = None) -> None:
        if self.layer == "zero":
            return
        if self.normalization is not None:
            self.normalization.build(states_shape)
        build_layer(self.operation, states_shape, target_shape)

    def call(
        self, states: Any, mask: Any, target: Any | None = None, training: bool | None = None
    ) -> Any:
        if self.layer == "zero":
            return states
        hidden = states
        if self.normalization is not None:
            hidden = self.normalization(states, mask=mask)
        hidden = apply_layer(self.operation, hidden, mask, target)
        hidden = ACTIVATION_FUNCTIONS[self.activation](hidden)
        hidden = self.dropout_layer(hidden, training=training)
        hidden = self.drop_operation_layer(hidden, training=training)
        return states + hidden

    def compute_output_shape(self, states_shape: Any) -> Any:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "norm": self.norm,
            "layer": self.layer,
            "activation": self.activation,
            "dropout": self.dropout,
            "drop_operation": self.drop_operation,
            "causal": self.causal,
        }
