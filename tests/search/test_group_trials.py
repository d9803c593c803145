from __future__ import annotations

import types

import numpy as np

from amer_tf.architecture import LAYERS
from amer_tf.search.group_trials import GroupTrials
from amer_tf.search.samplers import EvolutionSampler
from amer_tf.search.spaces import BehaviorSpace
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog

SPACE = BehaviorSpace(num_blocks=2, layers=LAYERS)


def test_evolution_is_told_which_architectures_may_breed(tmp_path, monkeypatch):
    trials = TrialLog(RunFolder(tmp_path))
    sampler = EvolutionSampler(SPACE, 0, num_random_groups=1)
    asked = []

    def may_breed(architecture):
        asked.append(architecture)
        return architecture.blocks[0].layer == "conv_3"

    groups = GroupTrials(trials, sampler, may_breed=may_breed)
    architectures = SPACE.decode(groups.propose(0))
    scores = [types.SimpleNamespace(value=0.1 * n, standard_error=0.1) for n in range(12)]
    trials.run.append_trials(groups.of_group(0, architectures, scores))
    assert asked == []
    seen = []
    propose = EvolutionSampler.propose
    monkeypatch.setattr(
        EvolutionSampler,
        "propose",
        lambda self, index, history: seen.append(history) or propose(self, index, history),
    )
    for _ in range(2):
        groups.propose(1)
        np.testing.assert_array_equal(
            seen[-1].may_breed, [each.blocks[0].layer == "conv_3" for each in architectures]
        )
    # Each is asked about once.
    assert asked == architectures
    GroupTrials(trials, sampler).propose(1)
    assert all(seen[-1].may_breed)
