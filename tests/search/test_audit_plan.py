"""Which architectures are audited."""

from __future__ import annotations

import dataclasses

import pytest

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.search.audit_plan import (
    evenly_spaced,
    is_by_design,
    make_plan,
    num_trainings,
    spread,
)
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog

FRAME = Architecture(mlp=(HiddenLayer("relu", units=4),))
FIELDS = ("a", "b", "c", "d", "e")
FOUND = dataclasses.replace(
    FRAME,
    interactions=(("a", "b"), ("c", "d"), ("a", "c", "e")),
    mlp=(HiddenLayer("dice", units=3),),
)


def mlp_trial(units, score, kind="random mlp"):
    architecture = dataclasses.replace(FOUND, mlp=(HiddenLayer("swish", units=units),))
    return {"kind": kind, "score": score, "architecture": architecture.to_dict()}


def blocks_trial(layer, activation, score, kind="random behavior"):
    blocks = (Block("none", layer, activation),)
    architecture = dataclasses.replace(FRAME, blocks=blocks)
    return {"kind": kind, "score": score, "architecture": architecture.to_dict()}


def candidate(number, gain, *fields):
    return {"kind": "interaction", "round": number, "interaction": list(fields), "gain": gain}


MLPS = [mlp_trial(units, -0.1 * units) for units in (3, 1, 4, 2, 6, 5, 7)]
BLOCKS = [
    blocks_trial(layer, activation, -0.01 * index)
    for index, (layer, activation) in enumerate(
        (layer, activation)
        for layer in ("conv_1", "conv_3", "bi_gru")
        for activation in ("relu", "gelu")
    )
]
PAIRS = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
CANDIDATES = [
    *(candidate(0, 0.9, *pair) for pair in PAIRS),
    *(candidate(1, 0.1 * index, *pair) for index, pair in enumerate(PAIRS)),
]


@pytest.fixture
def log(tmp_path):
    def of(trials):
        run = RunFolder(tmp_path)
        run.append_trials(trials)
        return TrialLog(run)

    return of


def plan(trials, steps, number=5, seed=0, found=FOUND):
    return make_plan(trials, steps, found, FRAME, number, seed, FIELDS)


def of_step(entries, step):
    return [entry for entry in entries if entry.step == step]


@pytest.mark.parametrize(
    ("count", "number", "ranks"),
    [
        (9, 5, [0, 2, 4, 6, 8]),
        (2000, 5, [0, 500, 1000, 1499, 1999]),
        (11, 11, list(range(11))),
        (4, 6, [0, 1, 2, 3]),
    ],
)
def test_ranks(count, number, ranks):
    assert evenly_spaced(count, number) == ranks


@pytest.mark.parametrize(
    ("count", "order"),
    [(5, [0, 4, 2, 1, 3]), (8, [0, 7, 3, 1, 5, 2, 4, 6]), (2, [0, 1]), (1, [0]), (0, [])],
)
def test_any_number_of_the_first_is_spread_out(count, order):
    assert spread(count) == order


def test_numbers_of_trainings():
    assert num_trainings(["behavior"], 8) == 9
    assert num_trainings(["interaction"], 8) == 17
    assert num_trainings(["interaction", "mlp"], 8) == 25
    assert num_trainings(["behavior", "interaction", "mlp"], 8) == 33


def test_one_step_stands_for_random_architectures_too(log):
    found, *entries = plan(log(MLPS), ["mlp"])
    assert (found.step, found.architecture, found.inherited) == ("found", FOUND, None)
    assert [entry.step for entry in entries] == ["mlp"] * 5
    assert [entry.architecture.mlp[0].units for entry in entries] == [1, 7, 4, 3, 5]
    assert [entry.rank for entry in entries] == [0, 6, 3, 2, 4]
    assert [entry.inherited for entry in entries] == pytest.approx([-0.1, -0.7, -0.4, -0.3, -0.5])
    assert [entry.name for entry in entries] == [f"audit_mlp_{n}" for n in (0, 6, 3, 2, 4)]
    assert all(entry.architecture.interactions == FOUND.interactions for entry in entries)


def test_an_interaction_is_alone_in_its_model_and_of_the_last_round(log):
    entries = of_step(plan(log(CANDIDATES), ["interaction"]), "interaction")
    assert [entry.architecture.interactions for entry in entries] == [
        (pair,) for pair in (PAIRS[5], PAIRS[0], PAIRS[3], PAIRS[4], PAIRS[1])
    ]
    assert [entry.inherited for entry in entries] == pytest.approx([0.5, 0.0, 0.3, 0.4, 0.1])
    assert {entry.architecture.mlp for entry in entries} == {FRAME.mlp}


def test_whole_architectures_are_drawn_where_several_steps_were_searched(log):
    steps = ["behavior", "interaction", "mlp"]
    trials = log([*BLOCKS, *CANDIDATES, *MLPS])
    entries = plan(trials, steps)
    turn = [*steps, "random"]
    assert [entry.step for entry in entries] == ["found", *5 * turn]
    drawn = [entry.architecture for entry in of_step(entries, "random")]
    assert len(set(drawn)) > 1
    for architecture in drawn:
        assert len(architecture.blocks) == 1
        assert architecture.mlp[0].activation == "swish"
        groups = architecture.interactions
        # As many, of as many fields, as the found ones.
        assert sorted(map(len, groups)) == [2, 2, 3]
        assert len(set(groups)) == 3
        for group in groups:
            assert list(group) == sorted(set(group))
            assert set(group) <= set(FIELDS)
    assert plan(trials, steps) == entries
    other = of_step(plan(trials, steps, seed=1), "random")
    assert [entry.architecture for entry in other] != drawn


def test_random_interactions_where_the_found_ones_are_all_that_there_are(log):
    every = tuple(sorted((one, other) for one in FIELDS for other in FIELDS if one < other))
    found = dataclasses.replace(FOUND, interactions=every)
    entries = plan(log(CANDIDATES), ["interaction"], found=found)
    for entry in of_step(entries, "random"):
        assert sorted(entry.architecture.interactions) == list(every)


def test_by_design():
    assert is_by_design(["mlp"])
    assert is_by_design(["behavior"])
    assert not is_by_design(["interaction"])
    assert not is_by_design(["interaction", "mlp"])


def test_what_evolution_bred_is_left_out(log):
    bred = [{**trial, "kind": "evolved behavior", "score": 1.0} for trial in BLOCKS[:2]]
    entries = of_step(plan(log([*BLOCKS, *bred]), ["behavior"]), "behavior")
    assert max(entry.inherited for entry in entries) == 0.0
    assert {entry.num_scored for entry in entries} == {6}


def test_a_step_with_too_few_scores_is_left_out(log, caplog):
    entries = plan(log([*CANDIDATES[-4:], *MLPS]), ["interaction", "mlp"], 9)
    assert of_step(entries, "interaction") == []
    assert len(of_step(entries, "mlp")) == 7
    assert "The step interaction is not audited: 4 interactions were scored" in caplog.text
    assert "All 7 MLPs that were scored are audited" in caplog.text


def test_no_step_with_enough_scores(log):
    with pytest.raises(RunError, match="fewer: they are gone, .* Received: 4 MLPs in"):
        plan(log(MLPS[:4]), ["mlp"])
