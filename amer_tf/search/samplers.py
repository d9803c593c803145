"""Samplers propose architectures; the searcher scores and records them."""

from __future__ import annotations

import numpy as np

from amer_tf.search import fair
from amer_tf.search.spaces import BehaviorSpace


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

    def propose(self, index: int) -> fair.PathGroup:
        """The fair group number `index`."""
        return self.space.sample_group(np.random.default_rng([self.seed, index]))
