"""Fair path groups: every candidate of every decision is used once in a group (FairNAS).

Letters: `L` blocks, `P` paths, which is also the number of layer candidates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops


class PathGroup(NamedTuple):
    """The choices of `P` paths, as integer arrays of shape `(L, P)`.

    Every row of `layers` is a permutation, so a group uses each layer of each block once. The
    rows of `norms` and `activations` use their candidates equally often, up to one.
    """

    layers: Any
    norms: Any
    activations: Any


class MlpGroup(NamedTuple):
    """The choices of `P` aggregation MLPs of `L` hidden layers, as integer arrays `(L, P)`.

    Within a path sizes never increase from layer to layer; over the group each size is used `L`
    times, and each activation of a layer equally often, up to one.
    """

    sizes: Any
    activations: Any


class Route(NamedTuple):
    """How the states of a group move between the candidates, in candidate order.

    Attributes:
        path_at: `(L, P)`: the path that each candidate serves, by block.
        between: `(L - 1, P)`: for each later block, the candidate of the block before from which
            each candidate takes its state.
        last: `(P,)`: the candidate of the last block that holds each path's state.
        norms: `(L, P)`: norm choice of the path at each candidate.
        activations: `(L, P)`: activation choice of the path at each candidate.
    """

    path_at: Any
    between: Any
    last: Any
    norms: Any
    activations: Any


def group_from_uniform(
    uniform: Any, num_norms: int, num_activations: int, offsets: Any
) -> PathGroup:
    """A fair group from random numbers: their ranks are uniform random permutations.

    Args:
        uniform: Float tensor of shape `(3, L, P)`, independent and uniform in [0, 1).
        num_norms: Number of norm candidates.
        num_activations: Number of activation candidates.
        offsets: Integer tensor of shape `(2, L)`. `P` need not be a multiple of the number of
            candidates: the offset decides at random which of them are used once more.

    Returns:
        `PathGroup` of integer tensors of shape `(L, P)`.
    """
    ranks = ops.argsort(uniform, axis=-1)  # (3, L, P)
    return PathGroup(
        layers=ranks[0],
        norms=ops.mod(ranks[1] + offsets[0][:, None], num_norms),
        activations=ops.mod(ranks[2] + offsets[1][:, None], num_activations),
    )


def mlp_group_from_uniform(uniform: Any, num_activations: int, offsets: Any) -> MlpGroup:
    """A fair group of MLPs from random numbers.

    Every layer deals each size to one path; then each path sorts its own.

    Args:
        uniform: Float tensor of shape `(2, L, P)`, independent and uniform in [0, 1).
        num_activations: Number of activation candidates.
        offsets: Integer tensor of shape `(L,)`: which activations are used once more.

    Returns:
        `MlpGroup` of integer tensors of shape `(L, P)`; size 0 is the smallest.
    """
    ranks = ops.argsort(uniform, axis=-1)  # (2, L, P)
    return MlpGroup(
        sizes=ops.flip(ops.sort(ranks[0], axis=0), axis=0),
        activations=ops.mod(ranks[1] + offsets[:, None], num_activations),
    )


def random_mlp_group(
    generator: np.random.Generator, num_layers: int, num_paths: int, num_activations: int
) -> MlpGroup:
    """A fair group of MLPs drawn on the host, for scoring."""
    ranks = generator.permuted(np.tile(np.arange(num_paths), (2, num_layers, 1)), axis=-1)
    offsets = generator.integers(0, num_activations, size=(num_layers, 1))
    return MlpGroup(
        sizes=np.sort(ranks[0], axis=0)[::-1],
        activations=(ranks[1] + offsets) % num_activations,
    )


def random_group(
    generator: np.random.Generator,
    num_blocks: int,
    num_paths: int,
    num_norms: int,
    num_activations: int,
) -> PathGroup:
    """A fair group drawn on the host, for scoring."""
    ranks = generator.permuted(np.tile(np.arange(num_paths), (3, num_blocks, 1)), axis=-1)
    offsets = generator.integers(0, num_norms * num_activations, size=(2, num_blocks, 1))
    return PathGroup(
        layers=ranks[0],
        norms=(ranks[1] + offsets[0]) % num_norms,
        activations=(ranks[2] + offsets[1]) % num_activations,
    )


def route(group: PathGroup) -> Route:
    """Turns the paths' choices into moves between candidates.

    Keeping the states in candidate order costs one gather a block; the paths' own order is only
    restored at the end.
    """
    layers = ops.convert_to_tensor(group.layers)
    path_at = ops.argsort(layers, axis=-1)  # (L, P): inverse permutations
    return Route(
        path_at=path_at,
        between=ops.take_along_axis(layers[:-1], path_at[1:], axis=-1),
        last=layers[-1],
        norms=ops.take_along_axis(ops.convert_to_tensor(group.norms), path_at, axis=-1),
        activations=ops.take_along_axis(ops.convert_to_tensor(group.activations), path_at, axis=-1),
    )
