"""What is tried next."""

from __future__ import annotations

import pytest

from amer_tf.compare import tuning
from amer_tf.compare.systems import System
from amer_tf.compare.tuning import Trial, best, propose
from amer_tf.search import ctr_references, ctr_settings, references, settings
from amer_tf.search.state import RunFolder

CHOICES = {"learning_rate": (1e-2, 1e-3, 1e-4), "dropout": (0.0, 0.2)}


def searched(score, number: int, seed: int = 0) -> list[Trial]:
    """Trials, each proposed from those before."""
    trials: list[Trial] = []
    for _ in range(number):
        changed = propose(CHOICES, trials, seed)
        trials.append(Trial(changed, score(changed)))
    return trials


def test_the_settings_of_the_preset_come_first():
    assert propose(CHOICES, [], 0) == {}


def test_the_same_trials_give_the_same_answer():
    trials = searched(lambda changed: changed.get("dropout", 0.1), 5)
    for number in range(5):
        assert propose(CHOICES, trials[:number], 0) == trials[number].changed
    assert [trial.changed for trial in searched(lambda changed: 0.0, 5, seed=1)] != [
        trial.changed for trial in searched(lambda changed: 0.0, 5, seed=0)
    ]


def test_what_is_better_is_asked_for_more_often():
    trials = searched(lambda changed: float(changed.get("learning_rate") == 1e-3), 40)
    late = [trial.changed["learning_rate"] for trial in trials[20:]]
    assert late.count(1e-3) > len(late) / 2


def test_a_trial_that_failed_is_never_the_best():
    assert best([]) is None
    assert best([Trial({}, None)]) is None
    trials = [Trial({}, -1.0), Trial({"dropout": 0.2}, None), Trial({"dropout": 0.0}, -1.0)]
    assert best(trials) == 0
    full = [
        Trial({"learning_rate": 1e-2, "dropout": 0.2}, None) if trial.score is None else trial
        for trial in searched(lambda changed: 0.5, 3)
    ]
    assert set(propose(CHOICES, full, 0)) == set(CHOICES)


def test_all_choices_are_settings():
    rooms = {"ctr": ctr_settings.CtrSettings(), "next_item": settings.Settings()}
    own = (("ctr", "lightgbm"), ("next_item", "ease"))
    known = [(task, tuning.CHOICES[task]) for task in rooms]
    for task, values_of in known + [(task, tuning.OWN_CHOICES[name]) for task, name in own]:
        for name, values in values_of.items():
            for value in values:
                rooms[task].replace(**{name: value})


DEFAULTS = tuning.CHOICES["ctr"]


def test_values_stand_in_place_of_the_defaults_of_their_setting_alone():
    given = {"dropout": (0.0, 0.5), "trees_leaves": (7, 15)}
    assert tuning.choices(System("dnn"), "ctr", given) == {**DEFAULTS, "dropout": (0.0, 0.5)}
    assert tuning.choices(System("amer-3", ("mlp",)), "ctr", given) == {
        **DEFAULTS,
        "dropout": (0.0, 0.5),
    }
    assert tuning.choices(System("lightgbm"), "ctr", given) == {
        **tuning.OWN_CHOICES["lightgbm"],
        "trees_leaves": (7, 15),
    }


def test_what_a_system_does_not_read_leaves_its_choices_as_they_are():
    plain = {name: DEFAULTS[name] for name in ("learning_rate", "l2")}
    assert tuning.choices(System("lr"), "ctr", {"dropout": (0.0, 0.5)}) == plain
    assert tuning.choices(System("popularity"), "next_item", {"dropout": (0.0, 0.5)}) == {}
    given = {"epoch_steps": (10, 20), "num_mlps": (50, 100)}
    assert tuning.choices(System("lr"), "ctr", given) == {**plain, "epoch_steps": (10, 20)}
    assert "dropout" not in tuning.choices(System("fm@large"), "ctr", {})
    assert set(tuning.choices(System("amer-3", ("mlp",)), "ctr", given)) == {*DEFAULTS, *given}
    next_item = tuning.CHOICES["next_item"]
    assert tuning.choices(System("stamp"), "next_item", {}) == next_item
    assert tuning.choices(System("gru4rec"), "next_item", {"num_negatives": (5, 9)}) == next_item


def test_what_a_system_has_of_its_own_is_not_tuned():
    wide = tuning.choices(System("dnn@wide"), "ctr", {"embedding_dim": (4, 8)}, {"embedding_dim"})
    assert set(wide) == {"learning_rate", "l2", "dropout"}
    assert tuning.choices(System("ease"), "next_item", {}, {"ease_l2"}) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trees_leaves": (7,)}, "none of lr, dnn@wide reads this one. Received: 'trees_leaves'"),
        ({"embedding_dim": (4,)}, "not fixed for every .* dnn@wide. Received: 'embedding_dim'"),
        ({"dropuot": (0.1,)}, r"Did you mean dropout\? Received: 'dropuot'"),
        ({"hidden_units": (8,)}, "settings that are one number. Received: 'hidden_units'"),
        ({"dropout": ()}, r"must have values for dropout. Received: dropout=\(\)"),
    ],
)
def test_values_of_which_nothing_can_be_tuned(given, message):
    systems = {System("lr"): (), System("dnn@wide"): ("embedding_dim",)}
    with pytest.raises(ValueError, match=message):
        tuning.check_given(given, systems, "ctr", ctr_settings.CtrSettings())


def test_all_that_is_said_to_be_read_are_settings():
    rooms = ((ctr_references, ctr_settings), (references, settings))
    for room, module in rooms:
        known = set(module.PRESETS["quick"].to_dict())
        for name in module.REFERENCES:
            assert room.readable_settings(name) <= known


def test_trials_are_written_down(tmp_path):
    trials = {"lr": [Trial({"l2": 0.1}, 0.7), Trial({}, None, "The loss is nan.")], "fm": []}
    run = RunFolder(tmp_path)
    assert tuning.read(run) == {}
    tuning.write(run, trials)
    assert tuning.read(run) == trials


def test_a_trial_that_changed_what_is_fixed_now_is_passed_over():
    trials = [Trial({}, 0.5), Trial({"l2": 0.1, "dropout": 0.2}, 0.6)]
    assert propose({"dropout": (0.0, 0.2)}, trials, 0).keys() == {"dropout"}
