"""The candidates of a choice block, by the names that an architecture uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from amer_tf.layers.bidirectional_gru import BidirectionalGru
from amer_tf.layers.self_attention import SelfAttention
from amer_tf.layers.sequence_convolution import SequenceConvolution
from amer_tf.layers.target_attention import TargetAttention
from amer_tf.layers.window_pooling import WindowPooling
from amer_tf.layers.zero import Zero

# The names stand in amer_tf/architecture.py, in this order.
LAYER_FACTORIES: dict[str, Callable[..., keras.layers.Layer]] = {
    "conv_1": lambda **kwargs: SequenceConvolution(kernel_size=1, **kwargs),
    "conv_3": lambda **kwargs: SequenceConvolution(kernel_size=3, **kwargs),
    "dilated_conv_3": lambda **kwargs: SequenceConvolution(3, dilation_rate=2, **kwargs),
    "dilated_conv_5": lambda **kwargs: SequenceConvolution(5, dilation_rate=2, **kwargs),
    "dilated_conv_7": lambda **kwargs: SequenceConvolution(7, dilation_rate=2, **kwargs),
    "average_pool_3": lambda **kwargs: WindowPooling("average", size=3, **kwargs),
    "max_pool_3": lambda **kwargs: WindowPooling("max", size=3, **kwargs),
    "bi_gru": BidirectionalGru,
    "self_attention_2": lambda **kwargs: SelfAttention(num_heads=2, **kwargs),
    "self_attention_4": lambda **kwargs: SelfAttention(num_heads=4, **kwargs),
    "target_attention": TargetAttention,
    "zero": Zero,
}
# They mix no steps, so none of them can see a newer one.
_STEP_BY_STEP = ("target_attention", "zero")
NORM_NAMES = ("layer_norm", "none")


def _identity(states: Any) -> Any:
    return states


# Each keeps zero at zero, so that padded steps stay zero.
ACTIVATION_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ops.relu,
    "gelu": lambda states: ops.gelu(states, approximate=False),
    "swish": ops.silu,
    "identity": _identity,
}


def require_known(kind: str, name: str, known: Any) -> None:
    """Raises when `name` is not one of `known`."""
    if name not in known:
        raise ValueError(f"`{kind}` must be one of {', '.join(known)}. Received: {kind}={name!r}")


def make_layer(name: str, /, *, causal: bool = False, **kwargs: Any) -> keras.layers.Layer:
    """A new layer of a candidate's name.

    Args:
        name: One of the keys of `LAYER_FACTORIES`.
        causal: Whether a step sees older steps only.
        **kwargs: What every Keras layer takes: `name`, `dtype`.
    """
    require_known("layer", name, LAYER_FACTORIES)
    if causal and name not in _STEP_BY_STEP:
        kwargs["causal"] = True
    return LAYER_FACTORIES[name](**kwargs)


def apply_layer(layer: keras.layers.Layer, states: Any, mask: Any, target: Any | None) -> Any:
    """Calls a candidate with what it takes: only attention from the target sees the target."""
    if isinstance(layer, TargetAttention):
        return layer(states, target, states_mask=mask)
    return layer(states, mask=mask)


def build_layer(layer: keras.layers.Layer, states_shape: Any, target_shape: Any | None) -> None:
    """Builds a candidate for states and, where it attends from one, a target."""
    if not isinstance(layer, TargetAttention):
        layer.build(states_shape)
        return
    if target_shape is None:
        raise ValueError("The layer `target_attention` needs a `target`. Received: target=None")
    layer.build(states_shape, target_shape)
