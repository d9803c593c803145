"""NextItNet: residual blocks of dilated causal convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import components, sequence_parts
from amer_tf.models.components import CAUSAL_STATES, layer_name

# AMER, Appendix C.1.
DILATIONS = (1, 2, 1, 2, 2)


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
    kernel_size: int = 3,
    dilations: Sequence[int] = DILATIONS,
) -> keras.Model:
    """Builds NextItNet with the inputs and outputs of `models.amer.build`.

    Per block `H' = H + W_3 s(W_2 * s(W_1 s(H)))`, with `s(x) = relu(LN(x))`: a 1x1 convolution to
    half of the units, a causal convolution with the block's dilation, and a 1x1 convolution back.
    The state of the newest step is the query; the item side is the same embeddings, in place of
    a softmax layer of its own. Train it with a query after each step, as the paper does
    (`models.every_position`), or with that of the newest.

    Reference: Yuan et al., "A Simple Convolutional Generative Network for Next Item
    Recommendation", 2019, its residual block with two 1x1 convolutions; the five dilations of AMER,
    Appendix C.1.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the embeddings and on what each block adds.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.
        kernel_size: Positive integer, in steps.
        dilations: Positive integers: the distance of neighbours, in steps, in each block.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, or the catalog has another shape.
        ValueError: Where there is no block, or a size is not positive.
    """
    if not dilations:
        raise ValueError(
            f"`dilations` must hold a number for each block. Received: dilations={dilations!r}"
        )
    history = sequence_parts.read_history(
        spec, "NextItNet", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    states = components.drop_states(history.states, dropout)
    for index, dilation in enumerate(dilations):
        output = _residual(states, history.mask, kernel_size, dilation, f"block_{index}")
        output = sequence_parts.drop(output, dropout, f"block_{index}")
        states = keras.layers.Add(name=layer_name(f"block_{index}", "sum"))([states, output])
    states = keras.layers.Identity(name=CAUSAL_STATES)(states)
    newest = sequence_parts.newest_state(states, history)
    return sequence_parts.score_model(spec, history, newest, "nextitnet")


def _residual(states: Any, mask: Any, kernel_size: int, dilation: int, block: str) -> Any:
    """What a block adds to its states, `(B, T, D)`."""
    units = states.shape[-1]

    def activated(states: Any, name: str) -> Any:
        # Masked, so that no bias comes from steps of padding into the convolution.
        normalize = layers.MaskedLayerNormalization(name=layer_name(block, f"{name}_normalization"))
        relu = keras.layers.ReLU(name=layer_name(block, f"{name}_activation"))
        return relu(normalize(states, mask=mask))

    def pointwise(states: Any, units: int, name: str) -> Any:
        dense = keras.layers.Dense(
            units, kernel_initializer="he_uniform", name=layer_name(block, name)
        )
        return dense(states)

    states = pointwise(activated(states, "narrow"), max(units // 2, 1), "narrow")
    convolution = layers.SequenceConvolution(
        kernel_size, dilation_rate=dilation, causal=True, name=layer_name(block, "convolution")
    )
    states = convolution(activated(states, "convolution"), mask=mask)
    return pointwise(activated(states, "wide"), units, "wide")
