"""What each step of the search may choose: sample, validate, encode, decode."""

from __future__ import annotations

import dataclasses

import numpy as np

from amer_tf.architecture import (
    ACTIVATIONS,
    LAYERS,
    NORMS,
    Architecture,
    ArchitectureError,
    Block,
)
from amer_tf.search import fair


@dataclasses.dataclass(frozen=True)
class BehaviorSpace:
    """The choice blocks of stage 1 (paper, section 2.2).

    Args:
        num_blocks: Number of residual blocks, `L_b`.
        layers: Layer candidates.
        norms: Norm candidates.
        activations: Activation candidates.
    """

    num_blocks: int = 6
    layers: tuple[str, ...] = tuple(name for name in LAYERS if name != "target_attention")
    norms: tuple[str, ...] = NORMS
    activations: tuple[str, ...] = ACTIVATIONS

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
                )
            ).canonical()
            for path in range(layers.shape[1])
        ]

    def validate(self, architecture: Architecture) -> None:
        """Raises `ArchitectureError` that names the first block outside this space."""
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
