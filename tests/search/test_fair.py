from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.search import fair

L, P = 4, 11


def drawn_group(seed):
    generator = np.random.default_rng(seed)
    return fair.group_from_uniform(
        generator.random((3, L, P)).astype("float32"), 2, 4, generator.integers(0, 8, (2, L))
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("in_graph", [True, False], ids=["in graph", "on host"])
def test_each_candidate_is_used_equally_often(seed, in_graph):
    group = (
        drawn_group(seed)
        if in_graph
        else fair.random_group(np.random.default_rng(seed), L, P, 2, 4)
    )
    layers, norms, activations = (keras.ops.convert_to_numpy(part) for part in group)
    for block in range(L):
        assert np.bincount(layers[block], minlength=P).tolist() == [1] * P
        assert sorted(np.bincount(norms[block], minlength=2)) == [5, 6]
        assert sorted(np.bincount(activations[block], minlength=4)) == [2, 3, 3, 3]


def test_what_is_used_once_more_evens_out_over_updates():
    # 11 paths, 2 norms and 4 activations: over n updates each norm has 5.5 n uses.
    counts, extra = np.zeros(2), np.zeros(4)
    for seed in range(400):
        group = drawn_group(seed)
        counts += np.bincount(np.asarray(group.norms).ravel(), minlength=2)
        extra += np.bincount(np.asarray(group.activations).ravel(), minlength=4)
    assert abs(counts[0] / counts.sum() - 1 / 2) < 0.005
    np.testing.assert_allclose(extra / extra.sum(), 0.25, atol=0.005)


def test_norm_and_layer_are_independent():
    meetings = np.zeros((P, 2))
    for seed in range(600):
        group = fair.random_group(np.random.default_rng(seed), L, P, 2, 4)
        np.add.at(meetings, (group.layers, group.norms), 1)
    np.testing.assert_allclose(meetings / meetings.sum(), 1 / (2 * P), rtol=0.1)


def test_route_follows_each_path():
    group = fair.random_group(np.random.default_rng(5), L, P, 2, 4)
    route = fair.route(group)
    route = fair.Route(*(keras.ops.convert_to_numpy(part) for part in route))
    at_candidate = route.path_at[0]  # which path's state stands at each candidate
    for block in range(L):
        if block:
            at_candidate = at_candidate[route.between[block - 1]]
        assert at_candidate.tolist() == route.path_at[block].tolist()
        # The state of path p stands at the candidate that p has chosen, with p's choices.
        assert at_candidate[group.layers[block]].tolist() == list(range(P))
        assert route.norms[block][group.layers[block]].tolist() == group.norms[block].tolist()
        assert (
            route.activations[block][group.layers[block]].tolist()
            == group.activations[block].tolist()
        )
    assert at_candidate[route.last].tolist() == list(range(P))
