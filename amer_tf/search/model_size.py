"""How many parameters an architecture has, without a model built for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.models import aggregation
from amer_tf.models.components import layer_name

# One unit with everything that an activation may have: all sizes are multiples of it.
_PROBE = (HiddenLayer("dice", units=1),)


class _Frame(NamedTuple):
    """What an architecture has beside its blocks and hidden layers.

    Attributes:
        parameters: Of embeddings, interactions, pooling, shortcut and scaling.
        input_size: `K_0`; 0 without an MLP.
        beside: Numbers that the output reads beside the last hidden layer.
        dice: Parameters of Dice for each unit.
    """

    parameters: int
    input_size: int = 0
    beside: int = 0
    dice: int = 0


class ModelSize:
    """Adds up what the parts of an architecture have; each different part is built once.

    Blocks keep the width of the states, so that what one has does not depend on its place. Hidden
    layers are matrices whose sizes are known.

    Args:
        build: Makes the model of an architecture.
    """

    def __init__(self, build: Callable[[Architecture], keras.Model]) -> None:
        self._build = build
        self._frames: dict[str, _Frame] = {}
        self._blocks: dict[tuple[str, str], int] = {}

    def parameters(self, architecture: Architecture) -> int:
        """What `count_params` of the architecture's model gives."""
        frame = self._frame(architecture)
        blocks = sum(self._of_blocks(architecture))
        return frame.parameters + blocks + _of_mlp(frame, architecture.mlp)

    def input_size(self, architecture: Architecture) -> int:
        """`K_0` of the architecture: blocks and hidden layers do not matter for it."""
        return self._frame(dataclasses.replace(architecture, mlp=_PROBE)).input_size

    def _frame(self, architecture: Architecture) -> _Frame:
        mlp = _PROBE if architecture.mlp else ()
        probe = dataclasses.replace(architecture, blocks=(), mlp=mlp)
        key = probe.to_json()
        if key not in self._frames:
            self._frames[key] = _frame_of(self._build(probe), has_mlp=bool(mlp))
        return self._frames[key]

    def _of_blocks(self, architecture: Architecture) -> list[int]:
        """Parameters of each block; activations have none."""
        missing = list(
            dict.fromkeys(
                _key(block) for block in architecture.blocks if _key(block) not in self._blocks
            )
        )
        if missing:
            blocks = tuple(Block(norm, layer, "identity") for norm, layer in missing)
            model = self._build(dataclasses.replace(architecture, blocks=blocks))
            for index, key in enumerate(missing):
                found = model.get_layer(layer_name(f"block_{index}")).count_params()
                self._blocks[key] = int(found)
        return [self._blocks[_key(block)] for block in architecture.blocks]


def _key(block: Block) -> tuple[str, str]:
    canonical = block.canonical()
    return canonical.norm, canonical.layer


def _frame_of(model: keras.Model, *, has_mlp: bool) -> _Frame:
    parameters = int(model.count_params())
    if not has_mlp:
        return _Frame(parameters)
    hidden = layer_name("hidden_0")
    dense, dice, output = (
        model.get_layer(name)
        for name in (hidden, layer_name("hidden_0", "activation"), layer_name("output"))
    )
    own = sum(_count(layer) for layer in (dense, dice, output))
    beside = int(output.kernel.shape[0]) - 1
    return _Frame(parameters - own, aggregation.input_size(model), beside, _count(dice))


def _of_mlp(frame: _Frame, mlp: Sequence[HiddenLayer]) -> int:
    """Parameters of the hidden layers and the output; 0 without an MLP: the frame has all."""
    if not mlp:
        return 0
    total, size = 0, frame.input_size
    for layer in mlp:
        units = layer.size(frame.input_size)
        total += (size + 1) * units + (frame.dice * units if layer.activation == "dice" else 0)
        size = units
    return total + size + frame.beside + 1


def _count(layer: Any) -> int:
    return int(layer.count_params())
