from __future__ import annotations

import numpy as np
import pytest

from amer_tf.architecture import Architecture, ArchitectureError, Block
from amer_tf.search.samplers import RandomSampler
from amer_tf.search.spaces import BehaviorSpace


def test_size_counts_different_functions():
    # Two blocks of: conv_1 with 2 norms x 4 activations, and zero once.
    space = BehaviorSpace(num_blocks=2, layers=("conv_1", "zero"))
    assert space.num_architectures == 9**2
    assert BehaviorSpace().num_architectures == (10 * 8 + 1) ** 6


def test_group_decodes_to_valid_canonical_architectures():
    space = BehaviorSpace(num_blocks=3)
    group = space.sample_group(np.random.default_rng(0))
    architectures = space.decode(group)
    assert len(architectures) == space.num_paths == 11
    for path, architecture in enumerate(architectures):
        space.validate(architecture)
        assert architecture == architecture.canonical()
        for index, block in enumerate(architecture.blocks):
            assert block.layer == space.layers[group.layers[index, path]]
            if block.layer != "zero":
                assert block.norm == space.norms[group.norms[index, path]]
                assert block.activation == space.activations[group.activations[index, path]]


def test_validate_names_the_place():
    space = BehaviorSpace(num_blocks=2, layers=("conv_1", "bi_gru"), norms=("none",))
    good, bad = Block("none", "conv_1", "relu"), Block("layer_norm", "conv_1", "relu")
    with pytest.raises(ArchitectureError, match=r"has 2 blocks. Received: 1 blocks"):
        space.validate(Architecture(blocks=(good,)))
    with pytest.raises(ArchitectureError, match=r"blocks\[1\].norm must be one of none"):
        space.validate(Architecture(blocks=(good, bad)))
    with pytest.raises(ArchitectureError, match=r"blocks\[0\].layer must be one of conv_1, bi_gru"):
        space.validate(Architecture(blocks=(Block("none", "zero", "identity"), good)))


def test_bad_spaces_are_refused():
    with pytest.raises(ArchitectureError, match="`num_blocks` must be at least 1"):
        BehaviorSpace(num_blocks=0)
    with pytest.raises(ArchitectureError, match="`layers` must be different names"):
        BehaviorSpace(layers=("conv_1", "conv_1"))
    with pytest.raises(ArchitectureError, match="`activations` must be different names"):
        BehaviorSpace(activations=("tanh",))


def test_sampler_depends_on_seed_and_index_only():
    space = BehaviorSpace(num_blocks=2)
    first, again = RandomSampler(space, 1), RandomSampler(space, 1)
    first.propose(0)
    np.testing.assert_array_equal(first.propose(5).layers, again.propose(5).layers)
    assert (first.propose(5).layers != first.propose(6).layers).any()
    assert (first.propose(5).layers != RandomSampler(space, 2).propose(5).layers).any()
    with pytest.raises(ValueError, match="`seed` must not be negative"):
        RandomSampler(space, -1)
