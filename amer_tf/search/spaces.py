"""What each step of the search may choose: sample, validate, encode, decode."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from amer_tf.architecture import (
    ACTIVATIONS,
    LAYERS,
    MLP_ACTIVATIONS,
    NORMS,
    Architecture,
    ArchitectureError,
    Block,
    HiddenLayer,
)
from amer_tf.features import FeatureSpec
from amer_tf.search import fair

_FROM_TARGET = "target_attention"
# Of the attention among the layer candidates, and of BERT4Rec.
MOST_HEADS = 4


def layer_candidates(spec: FeatureSpec) -> tuple[str, ...]:
    """The layers that a block may have: attention from a target where the model reads one."""
    if spec.task == "ctr" and spec.target_to_behavior:
        return LAYERS
    return tuple(name for name in LAYERS if name != _FROM_TARGET)


def check_heads(spec: FeatureSpec, embedding_dim: int, num_heads: int = MOST_HEADS) -> None:
    """Raises where the states of a behaviour cannot be dealt out to all heads of an attention."""
    units = embedding_dim * len(spec.with_role("behavior"))
    if num_heads < 1 or units % num_heads:
        raise ValueError(
            f"`embedding_dim` times the number of behavior fields must be a multiple of "
            f"{num_heads}, for attention of as many heads. "
            f"Received: embedding_dim={embedding_dim}, units={units}"
        )


@dataclasses.dataclass(frozen=True)
class BehaviorSpace:
    """The choice blocks of stage 1 (paper, section 2.2).

    Args:
        num_blocks: Number of residual blocks, `L_b`.
        layers: Layer candidates.
        norms: Norm candidates.
        activations: Activation candidates.
        causal: Whether the networks are causal, see `Architecture`.
    """

    num_blocks: int = 6
    layers: tuple[str, ...] = tuple(name for name in LAYERS if name != _FROM_TARGET)
    norms: tuple[str, ...] = NORMS
    activations: tuple[str, ...] = ACTIVATIONS
    causal: bool = False

    def __post_init__(self) -> None:
        if self.num_blocks < 1:
            raise ArchitectureError(
                f"`num_blocks` must be at least 1. Received: num_blocks={self.num_blocks}"
            )
        for name, known in (("layers", LAYERS), ("norms", NORMS), ("activations", ACTIVATIONS)):
            chosen = getattr(self, name)
            if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(known):
                raise ArchitectureError(
                    f"`{name}` must be different names out of {known}. Received: {name}={chosen!r}"
                )

    @property
    def num_paths(self) -> int:
        """Paths of a fair group: one for each layer candidate."""
        return len(self.layers)

    @property
    def num_architectures(self) -> int:
        """Different functions in the space: a skipped block has neither norm nor activation."""
        zero = "zero" in self.layers
        full = (len(self.layers) - zero) * len(self.norms) * len(self.activations)
        return int((full + zero) ** self.num_blocks)

    def sample_group(self, generator: np.random.Generator) -> fair.PathGroup:
        """Choices of `num_paths` random architectures which use every candidate equally often."""
        return fair.random_group(
            generator, self.num_blocks, self.num_paths, len(self.norms), len(self.activations)
        )

    def decode(self, group: fair.PathGroup) -> list[Architecture]:
        """The canonical architectures of a group, in the order of its paths."""
        layers, norms, activations = (np.asarray(choices) for choices in group)
        return [
            Architecture(
                blocks=tuple(
                    Block(
                        norm=self.norms[norms[block, path]],
                        layer=self.layers[layers[block, path]],
                        activation=self.activations[activations[block, path]],
                    )
                    for block in range(layers.shape[0])
                ),
                causal=self.causal,
            ).canonical()
            for path in range(layers.shape[1])
        ]

    def encode(self, architectures: Sequence[Architecture]) -> fair.PathGroup:
        """The choices of architectures `(L, n)`, which need not be a fair group.

        A skipped block has the first norm and activation: it has none of its own.
        """
        blocks = [architecture.blocks for architecture in architectures]
        shape = (self.num_blocks, len(blocks))
        parts = [
            np.array(
                [
                    [
                        known.index(getattr(row[index], part))
                        if part == "layer" or row[index].layer != "zero"
                        else 0
                        for row in blocks
                    ]
                    for index in range(self.num_blocks)
                ],
                np.int64,
            ).reshape(shape)
            for part, known in (
                ("layer", self.layers),
                ("norm", self.norms),
                ("activation", self.activations),
            )
        ]
        return fair.PathGroup(*parts)

    def validate(self, architecture: Architecture) -> None:
        """Raises `ArchitectureError` that names the first part outside this space."""
        if architecture.causal != self.causal:
            raise ArchitectureError(
                f"The space has networks that are {'' if self.causal else 'not '}causal. "
                f"Received: causal={architecture.causal}"
            )
        if len(architecture.blocks) != self.num_blocks:
            raise ArchitectureError(
                f"The space has {self.num_blocks} blocks. "
                f"Received: {len(architecture.blocks)} blocks"
            )
        for index, block in enumerate(architecture.blocks):
            if block.layer == "zero" and "zero" in self.layers:
                continue
            for part, known in (
                ("layer", self.layers),
                ("norm", self.norms),
                ("activation", self.activations),
            ):
                if getattr(block, part) not in known:
                    raise ArchitectureError(
                        f"blocks[{index}].{part} must be one of {', '.join(known)} in this space. "
                        f"Received: {getattr(block, part)!r}"
                    )


@dataclasses.dataclass(frozen=True)
class MlpSpace:
    """The hidden layers of the aggregation MLP (paper, section 2.2, choice MLPs in stage 3).

    A layer has `int(r * width)` units, `r` in 0.1 ... 1.0, and never more than the one before.

    Args:
        input_size: Width of the MLP's input, `K_0`.
        num_layers: Number of hidden layers, `L_c`.
        max_units: The widest that a layer may be, or None for `K_0`: the paper's maximum MLP.
        num_sizes: Number of sizes, evenly spaced up to the widest.
        activations: Activation candidates.
    """

    input_size: int
    num_layers: int = 3
    max_units: int | None = None
    num_sizes: int = 10
    activations: tuple[str, ...] = MLP_ACTIVATIONS

    def __post_init__(self) -> None:
        for name in ("input_size", "num_layers", "num_sizes"):
            if getattr(self, name) < 1:
                raise ArchitectureError(
                    f"`{name}` must be at least 1. Received: {name}={getattr(self, name)}"
                )
        if self.max_units is not None and self.max_units < 1:
            raise ArchitectureError(
                f"`max_units` must be at least 1. Received: max_units={self.max_units}"
            )
        chosen = self.activations
        if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(MLP_ACTIVATIONS):
            raise ArchitectureError(
                f"`activations` must be different names out of {MLP_ACTIVATIONS}. "
                f"Received: activations={chosen!r}"
            )

    @property
    def width(self) -> int:
        """Units of the widest layer."""
        return self.input_size if self.max_units is None else min(self.input_size, self.max_units)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of every size, the smallest first."""
        ratios = [number / self.num_sizes for number in range(1, self.num_sizes + 1)]
        return tuple(HiddenLayer("relu", ratio=ratio).size(self.width) for ratio in ratios)

    @property
    def num_paths(self) -> int:
        """Paths of a fair group: one for each size."""
        return self.num_sizes

    def sample_group(self, generator: np.random.Generator) -> fair.MlpGroup:
        """Choices of `num_paths` random MLPs which use every candidate equally often."""
        return fair.random_mlp_group(
            generator, self.num_layers, self.num_paths, len(self.activations)
        )

    def decode(self, group: fair.MlpGroup) -> list[tuple[HiddenLayer, ...]]:
        """The hidden layers of each path of a group."""
        sizes, activations = (np.asarray(choices) for choices in group)
        return [
            tuple(
                HiddenLayer(self.activations[activation], units=self.sizes[size])
                for size, activation in zip(sizes[:, path], activations[:, path], strict=True)
            )
            for path in range(sizes.shape[1])
        ]

    def validate(self, mlp: tuple[HiddenLayer, ...]) -> None:
        """Raises `ArchitectureError` that names the first layer outside this space."""
        if len(mlp) != self.num_layers:
            raise ArchitectureError(
                f"The space has {self.num_layers} hidden layers. Received: {len(mlp)} layers"
            )
        most = self.width
        for index, layer in enumerate(mlp):
            units = layer.size(self.input_size)
            if units not in self.sizes or units > most:
                allowed = [size for size in self.sizes if size <= most]
                raise ArchitectureError(
                    f"mlp[{index}] must have one of {allowed} units in this space. "
                    f"Received: {units} units"
                )
            if layer.activation not in self.activations:
                raise ArchitectureError(
                    f"mlp[{index}].activation must be one of {', '.join(self.activations)} in "
                    f"this space. Received: {layer.activation!r}"
                )
            most = units


@dataclasses.dataclass(frozen=True)
class InteractionSpace:
    """Sets of fields whose embeddings are multiplied (paper, section 2.2, choice interactions).

    Args:
        fields: Names of the non-sequential fields with embeddings.
        max_order: Most fields of an interaction, or None for no limit.
    """

    fields: tuple[str, ...]
    max_order: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        if len(self.fields) < 2 or len(set(self.fields)) < len(self.fields):
            raise ArchitectureError(
                "Interactions need two or more different fields with embeddings. "
                f"Received: fields={self.fields!r}"
            )
        if self.max_order is not None and self.max_order < 2:
            raise ArchitectureError(
                f"`max_order` must be at least 2. Received: max_order={self.max_order}"
            )

    def start(self) -> list[tuple[str, ...]]:
        """What the first round grows from: every field by itself."""
        return [(name,) for name in self.fields]

    def count(self, rounds: int) -> int:
        """How many interactions there are that so many rounds can come to.

        Args:
            rounds: Each gives an interaction one field more, the first makes pairs.
        """
        most = min(self.max_order or len(self.fields), rounds + 1)
        return sum(math.comb(len(self.fields), order) for order in range(2, most + 1))

    def grow(self, kept: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """The candidates of a round: the kept interactions, and each of them with one more field.

        `(a, b)` is `(b, a)` and stands once; no field stands in an interaction twice (paper,
        section 2.3, step 2).

        Args:
            kept: What the round before kept, or `start()`.
        """
        most = len(self.fields) if self.max_order is None else self.max_order
        candidates = {tuple(sorted(group)): None for group in kept if len(group) > 1}
        for group in kept:
            for name in self.fields:
                if name not in group and len(group) < most:
                    candidates[tuple(sorted((*group, name)))] = None
        return list(candidates)
