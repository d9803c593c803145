"""Samplers propose architectures; the searcher scores and records them.

Letters: `L` blocks, `P` paths of a group, `n` architectures that were scored before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from amer_tf.search import fair
from amer_tf.search.spaces import BehaviorSpace

SAMPLERS = ("random", "evolution")
RANDOM, EVOLVED = "random", "evolved"

# Ways to change a gene until a child differs from all that were proposed before.
_MOST_CHANGES = 16


class History(NamedTuple):
    """What was scored before, in the order in which it was.

    Attributes:
        choices: Integer arrays `(L, n)`.
        scores: `(n,)`, the larger the better.
        may_breed: Boolean `(n,)`: which may be parents; None for all.
    """

    choices: fair.PathGroup
    scores: Any
    may_breed: Any = None

    @classmethod
    def empty(cls, space: BehaviorSpace) -> History:
        """Of a search that has scored nothing."""
        return cls(space.encode([]), np.zeros(0))


class RandomSampler:
    """Proposes fair groups of random architectures (paper, section 2.3).

    The group of an index depends on the seed and the index alone, so a search that was cut off
    goes on with the very groups that it would have proposed.

    Args:
        space: The space to draw from.
        seed: Non-negative integer.
    """

    def __init__(self, space: BehaviorSpace, seed: int = 0) -> None:
        if seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: seed={seed}")
        self.space = space
        self.seed = seed

    def origin(self, index: int) -> str:
        """Where the group number `index` comes from: `"random"` or `"evolved"`."""
        return RANDOM

    def propose(self, index: int, history: History | None = None) -> fair.PathGroup:
        """The fair group number `index`."""
        return self.space.sample_group(np.random.default_rng([self.seed, index]))


class EvolutionSampler(RandomSampler):
    """Proposes children of the best, after some random groups: regularised evolution.

    The population are the newest `population_size` architectures that may be parents: the oldest
    die, however good. Where none may, all may. A parent is the best of `tournament_size` random
    members, and a child differs from it in one choice (Real et al., "Regularized evolution for
    image classifier architecture search", 2019).

    The children of a group use each layer of each block once, so that one call of the supernet
    scores them all. Each is therefore made of a parent that collides with the children before it
    in as few blocks as can be, the best of those; a colliding block is the one that changes, to a
    layer that is still free. The first children of a group are true mutations of the best, the
    last ones take what is left, and keep the population varied.

    Args:
        space: The space.
        seed: Non-negative integer. The random groups are those of `RandomSampler`.
        num_random_groups: Groups to begin with, at least 1.
        population_size: Architectures that may be parents.
        tournament_size: How many of them are drawn for each child.
    """

    def __init__(
        self,
        space: BehaviorSpace,
        seed: int = 0,
        *,
        num_random_groups: int = 10,
        population_size: int = 120,
        tournament_size: int = 40,
    ) -> None:
        super().__init__(space, seed)
        for name, value in (
            ("num_random_groups", num_random_groups),
            ("population_size", population_size),
            ("tournament_size", tournament_size),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
        self.num_random_groups = num_random_groups
        self.population_size = population_size
        self.tournament_size = tournament_size

    def origin(self, index: int) -> str:
        """Where the group number `index` comes from: `"random"` or `"evolved"`."""
        return RANDOM if index < self.num_random_groups else EVOLVED

    def propose(self, index: int, history: History | None = None) -> fair.PathGroup:
        """The fair group number `index`.

        Args:
            index: Number of the group.
            history: What the groups before it scored; random groups do not need it.
        """
        if self.origin(index) == RANDOM:
            return super().propose(index)
        if history is None or not len(history.scores):
            raise ValueError(
                "Evolution needs the scores of the groups before. "
                f"Received: index={index}, history={history}"
            )
        litter = _Litter(self.space, history, np.random.default_rng([self.seed, index]))
        parents = np.arange(len(history.scores))
        if history.may_breed is not None and np.any(history.may_breed):
            parents = np.flatnonzero(history.may_breed)
        newest = parents[-self.population_size :]
        for _ in range(self.space.num_paths):
            litter.add_child(newest, self.tournament_size)
        return litter.group()


def make_sampler(name: str, space: BehaviorSpace, seed: int, num_groups: int) -> RandomSampler:
    """The sampler of a name in `SAMPLERS` for a search of so many groups.

    Evolution begins with a quarter of them at random.
    """
    if name not in SAMPLERS:
        raise ValueError(f"`sampler` must be one of {SAMPLERS}. Received: sampler={name!r}")
    if name == "random":
        return RandomSampler(space, seed)
    return EvolutionSampler(space, seed, num_random_groups=max(1, num_groups // 4))


class _Litter:
    """The children of one group, of which each takes layers that are still free.

    Genes are an integer array `(3, L)`: layer, norm and activation of each block.
    """

    def __init__(
        self, space: BehaviorSpace, history: History, generator: np.random.Generator
    ) -> None:
        self.space = space
        self.generator = generator
        self.genes = np.stack([np.asarray(part) for part in history.choices])  # (3, L, n)
        self.scores = np.asarray(history.scores)
        self.free = np.ones((space.num_blocks, len(space.layers)), bool)
        self.children: list[npt.NDArray[np.int64]] = []
        self.seen = {self._key(self.genes[:, :, member]) for member in range(len(self.scores))}

    def group(self) -> fair.PathGroup:
        """All children, each on its path."""
        return fair.PathGroup(*np.stack(self.children, axis=-1))

    def add_child(self, population: npt.NDArray[np.int64], tournament_size: int) -> None:
        """Makes a child of one of the population and takes its layers."""
        size = min(tournament_size, len(population))
        drawn = self.generator.choice(population, size=size, replace=False)
        blocks = np.arange(self.space.num_blocks)
        taken = ~self.free[blocks[:, None], self.genes[0][:, drawn]]  # (L, size)
        # A child differs in one block anyway: one collision is as good as none.
        collisions = np.maximum(taken.sum(axis=0), 1)
        place = np.lexsort((drawn, -self.scores[drawn], collisions))[0]
        child = self.genes[:, :, drawn[place]].copy()
        for block in np.flatnonzero(taken[:, place]):
            self._change_layer(child, int(block))
        for _ in range(_MOST_CHANGES):
            if self._key(child) not in self.seen:
                break
            self._mutate(child)
        self.seen.add(self._key(child))
        self.free[blocks, child[0]] = False
        self.children.append(child)

    def _mutate(self, child: npt.NDArray[np.int64]) -> None:
        """Changes one choice of one block, where there is another."""
        block = int(self.generator.integers(self.space.num_blocks))
        part = int(self.generator.integers(3))
        if part == 0 or self._is_skipped(child, block):
            self._change_layer(child, block)
        else:
            self._change_detail(child, block, part)

    def _change_layer(self, child: npt.NDArray[np.int64], block: int) -> None:
        others = self.free[block].copy()
        others[child[0, block]] = False
        if others.any():
            was_skipped = self._is_skipped(child, block)
            child[0, block] = self.generator.choice(np.flatnonzero(others))
            if was_skipped:  # it had no norm and no activation to keep
                for part, known in ((1, self.space.norms), (2, self.space.activations)):
                    child[part, block] = self.generator.integers(len(known))

    def _change_detail(self, child: npt.NDArray[np.int64], block: int, part: int) -> None:
        number = len(self.space.norms if part == 1 else self.space.activations)
        if number > 1:
            step = self.generator.integers(1, number)
            child[part, block] = (child[part, block] + step) % number

    def _is_skipped(self, genes: npt.NDArray[np.int64], block: int) -> bool:
        return self.space.layers[genes[0, block]] == "zero"

    def _key(self, genes: npt.NDArray[np.int64]) -> bytes:
        """The same for genes of the same function."""
        skipped = [self._is_skipped(genes, block) for block in range(self.space.num_blocks)]
        return np.where(np.array([[False] * len(skipped), skipped, skipped]), 0, genes).tobytes()
