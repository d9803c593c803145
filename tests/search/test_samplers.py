"""Samplers are pure: no models, the same proposal for the same seed and history."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.architecture import LAYERS
from amer_tf.search import fair
from amer_tf.search.samplers import (
    SAMPLERS,
    EvolutionSampler,
    History,
    RandomSampler,
    make_sampler,
)
from amer_tf.search.spaces import BehaviorSpace

SPACE = BehaviorSpace(num_blocks=3, layers=LAYERS)


def effects(seed=0):
    """A score that every choice of every block adds to."""
    generator = np.random.default_rng(seed)
    layers = generator.normal(size=(3, len(LAYERS)))
    details = 0.3 * generator.normal(size=(3, len(LAYERS), 2, 4))

    def score(group):
        blocks = np.arange(3)[:, None]
        is_full = group.layers != LAYERS.index("zero")
        detail = details[blocks, group.layers, group.norms, group.activations]
        return (layers[blocks, group.layers] + is_full * detail).sum(axis=0)

    return score


def run(sampler, num_groups, score):
    """All groups, one after another, each with the history of those before it."""
    groups, scores = [], []
    for index in range(num_groups):
        history = History.empty(sampler.space)
        if groups:
            parts = (np.concatenate(part, axis=1) for part in zip(*groups, strict=True))
            history = History(fair.PathGroup(*parts), np.concatenate(scores))
        groups.append(sampler.propose(index, history))
        scores.append(score(groups[-1]))
    return groups, np.concatenate(scores)


@pytest.mark.parametrize("name", SAMPLERS)
def test_contract(name):
    sampler = make_sampler(name, SPACE, seed=5, num_groups=8)
    groups, _ = run(sampler, 8, effects())
    again, _ = run(make_sampler(name, SPACE, seed=5, num_groups=8), 8, effects())
    others, _ = run(make_sampler(name, SPACE, seed=6, num_groups=8), 8, effects())
    for group, same, other in zip(groups, again, others, strict=True):
        for part, known in zip(group, (len(LAYERS), 2, 4), strict=True):
            assert part.shape == (3, SPACE.num_paths)
            assert part.min() >= 0
            assert part.max() < known
        # One call of the supernet scores them all: each layer of each block is used once.
        np.testing.assert_array_equal(np.sort(group.layers), np.tile(np.arange(12), (3, 1)))
        for architecture in SPACE.decode(group):
            SPACE.validate(architecture)
        np.testing.assert_array_equal(np.stack(group), np.stack(same))
        assert not np.array_equal(np.stack(group), np.stack(other))


def test_evolution_begins_with_the_groups_of_random_sampling():
    sampler = make_sampler("evolution", SPACE, seed=3, num_groups=8)
    assert [sampler.origin(index) for index in range(4)] == ["random"] * 2 + ["evolved"] * 2
    assert RandomSampler(SPACE, 3).origin(7) == "random"
    for index in range(2):
        np.testing.assert_array_equal(
            np.stack(sampler.propose(index)), np.stack(RandomSampler(SPACE, 3).propose(index))
        )


def test_the_first_child_differs_from_the_best_in_one_block():
    sampler = EvolutionSampler(SPACE, 0, num_random_groups=1, tournament_size=12)
    history = History(sampler.propose(0), np.arange(12.0))
    child = sampler.propose(1, history)
    differ = np.zeros(3, bool)
    for part, parent in zip(child, history.choices, strict=True):
        differ |= part[:, 0] != parent[:, 11]
    assert differ.sum() == 1


def test_nothing_is_proposed_twice():
    groups, _ = run(EvolutionSampler(SPACE, 1, num_random_groups=2), 40, effects())
    found = [each.to_json() for group in groups for each in SPACE.decode(group)]
    random = [each.to_json() for group in groups[:2] for each in SPACE.decode(group)]
    assert len(set(found)) - len(set(random)) == 38 * 12


def test_the_oldest_die():
    # The best of all is older than the population: no child is made of it.
    sampler = EvolutionSampler(SPACE, 0, num_random_groups=2, population_size=12)
    first, second = sampler.propose(0), sampler.propose(1)
    choices = fair.PathGroup(
        *(np.concatenate(pair, axis=1) for pair in zip(first, second, strict=True))
    )
    scores = np.zeros(24)
    expected = np.stack(sampler.propose(2, History(choices, scores)))
    scores[:12] = 100.0
    np.testing.assert_array_equal(np.stack(sampler.propose(2, History(choices, scores))), expected)


@pytest.mark.parametrize("seed", range(3))
def test_evolution_finds_with_half_the_groups_what_random_sampling_finds(seed):
    score = effects(seed)
    _, random = run(make_sampler("random", SPACE, seed, 160), 160, score)
    _, evolved = run(make_sampler("evolution", SPACE, seed, 160), 80, score)
    assert evolved.max() >= random.max()


def test_a_space_without_choices_ends_too():
    space = BehaviorSpace(
        num_blocks=1, layers=("conv_1", "zero"), norms=("none",), activations=("relu",)
    )
    groups, _ = run(
        EvolutionSampler(space, 0, num_random_groups=1),
        4,
        lambda group: group.layers.sum(axis=0).astype(float),
    )
    assert all(sorted(group.layers[0]) == [0, 1] for group in groups)


def test_encode_is_the_inverse_of_decode():
    group = SPACE.sample_group(np.random.default_rng(0))
    architectures = SPACE.decode(group)
    encoded = SPACE.encode(architectures)
    assert SPACE.decode(encoded) == architectures
    np.testing.assert_array_equal(encoded.layers, group.layers)
    assert [part.shape for part in SPACE.encode([])] == [(3, 0)] * 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomSampler(SPACE, -1), "`seed` must not be negative. Received: seed=-1"),
        (lambda: make_sampler("grid", SPACE, 0, 8), "`sampler` must be one of .*sampler='grid'"),
        (
            lambda: EvolutionSampler(SPACE, population_size=0),
            "`population_size` must be at least 1. Received: population_size=0",
        ),
        (lambda: EvolutionSampler(SPACE).propose(10), "needs the scores .*index=10, history=None"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_may_not_breed_is_no_parent():
    """The first child is one of the only parent, however good the others are."""
    sampler = EvolutionSampler(SPACE, 0, num_random_groups=1, tournament_size=12)
    group = sampler.propose(0)
    genes = np.stack(group)
    for allowed in (3, 7):
        may_breed = np.arange(12) == allowed
        child = np.stack(sampler.propose(1, History(group, np.arange(12.0), may_breed)))[:, :, 0]
        different = (child != genes[:, :, allowed]).any(axis=0)
        assert different.sum() == 1
    anyone = sampler.propose(1, History(group, np.arange(12.0)))
    nobody = sampler.propose(1, History(group, np.arange(12.0), np.zeros(12, bool)))
    np.testing.assert_array_equal(np.stack(nobody), np.stack(anyone))
