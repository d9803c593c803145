"""What is tried next."""

from __future__ import annotations

from amer_tf.compare import tuning
from amer_tf.compare.systems import System
from amer_tf.compare.tuning import Trial, best, propose
from amer_tf.search import ctr_settings, settings

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


def test_each_system_chooses_among_what_it_reads():
    known = {"dropout": (0.0, 0.5), "trees_leaves": (7, 15)}
    assert tuning.choices(System("dnn"), "ctr", known) == {"dropout": (0.0, 0.5)}
    assert tuning.choices(System("popularity"), "next_item", known) == {}
    assert tuning.choices(System("lightgbm"), "ctr", known) == {
        **tuning.OWN_CHOICES["lightgbm"],
        "trees_leaves": (7, 15),
    }
    known = {**tuning.CHOICES["ctr"], "epoch_steps": (10, 20)}
    assert set(tuning.choices(System("lr"), "ctr", known)) == {"learning_rate", "l2", "epoch_steps"}
    assert "dropout" not in tuning.choices(System("fm@large"), "ctr", known)
    assert tuning.choices(System("amer-3", ("mlp",)), "ctr", known) == known
    assert tuning.choices(System("stamp"), "next_item", known) == known
