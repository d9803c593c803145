"""What a time limit has done to a run, and how that is said."""

from __future__ import annotations

import pytest

from amer_tf.compare.limit_effects import details, effects_of, limit_effects, reservations
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.settings import Settings

RANKING = Settings(
    supernet_epochs=4, num_finalists=2, finetune_epochs=1, scratch_epochs=5, final_epochs=6
)
TABLE = CtrSettings(final_epochs=9, mlp_epochs=3, round_epochs=2)
# Of two that were scored again, both are to be trained on, from new weights, and one longer.
SCORED = [{"kind": "inherited"}, {"kind": "inherited"}]


def training(epoch, seconds, limit=10.0):
    return {"epoch": epoch, "seconds": seconds, "limit": limit}


def test_without_a_limit_there_is_nothing_to_say():
    phases = {"supernet": {"epoch": 1, "seconds": 99.0}}
    assert limit_effects(RANKING, phases, SCORED, ("behavior",), 99.0, None) == {}


def test_a_search_that_came_to_its_supernet_alone():
    phases = {"supernet": training(1, 30.6, limit=3.9), "finetuning": {"done": True}}
    found = limit_effects(RANKING, phases, SCORED, ("behavior",), 46.6, 12.0)
    assert found == {
        "cut": {"supernet": 1},
        "left_out": {"finetuning": 2, "scratch": 2, "final": 1},
        "seconds_over": 34.6,
    }


def test_a_search_that_came_to_some_of_its_final_trainings():
    phases = {
        "supernet": training(3, 4.0),
        "finetuning_0": training(1, 9.6),
        "finetuning_1": training(1, 3.0),
        "scratch_0": training(4, 9.6),
        "scratch_1": training(4, 9.4),
    }
    found = limit_effects(RANKING, phases, SCORED, ("behavior",), 50.0, 60.0)
    # The supernet ended by itself, fine-tuning came to all its epochs, 9.4 s are no 95 %.
    assert found == {"cut": {"scratch_0": 4}, "left_out": {"final": 1}}


def test_none_is_trained_longer_where_all_have_failed():
    phases = {name: training(1, 1.0) for name in ("finetuning_0", "scratch_0", "scratch_1")}
    failures = [{"kind": "failed", "of": "scratch"}] * 2
    found = limit_effects(RANKING, phases, SCORED + failures, ("behavior",), 5.0, 60.0)
    assert found == {"left_out": {"finetuning": 1}}


def test_what_the_settings_do_not_ask_for_is_not_left_out():
    settings = RANKING.replace(finetune_epochs=0, final_epochs=0)
    phases = {f"scratch_{index}": training(5, 9.9) for index in range(2)}
    assert limit_effects(settings, phases, SCORED, ("behavior",), 20.0, 60.0) == {}


@pytest.mark.parametrize(
    ("steps", "left_out"),
    [(("interaction",), {"scratch": 2}), (("mlp",), {"finetuning": 1, "scratch": 2})],
)
def test_a_search_of_task_ctr(steps, left_out):
    phases = {
        "interaction_round_0": training(2, 9.9),
        "mlp_supernet": training(2, 9.9),
        "prior_precision_amer_3": training(8, 9.9),
        "scratch_0": training(9, 9.9),
        "scratch": {"num_left_out": 2},
    }
    found = limit_effects(TABLE, phases, [], steps, 60.0, 60.0)
    assert found == {"cut": {"mlp_supernet": 2, "prior_precision_amer_3": 8}, "left_out": left_out}


def test_systems_made_by_hand():
    networks = {"transformer": training(2, 9.9), "references": {"deadline": 10.0}}
    assert limit_effects(RANKING, networks, [], (), 10.25, 10.0) == {
        "cut": {"transformer": 2},
        "seconds_over": 0.25,
    }
    trees = {"reference_lightgbm": {"trees": 35, "seconds": 9.9, "limit": 10.0}}
    assert limit_effects(TABLE, trees, [], (), 9.9, 10.0) == {"cut": {"reference_lightgbm": 35}}


def test_older_lines():
    assert effects_of({"system": "dnn@wide", "cut_after": 3}) == {"cut": {"reference_dnn": 3}}
    assert effects_of({"system": "amer-1"}) == {}


SEARCHED = {
    "system": "amer-1",
    "seed": 4,
    "limit": {
        "cut": {"supernet": 1},
        "left_out": {"finetuning": 1, "scratch": 2, "final": 1},
        "seconds_over": 35.0,
    },
}
TREES = {"system": "lightgbm@deep", "seed": 0, "cut_after": 1}
LATE = {"system": "dnn", "seed": 1, "limit": {"seconds_over": 1.1}}
TRIED = {"system": "dnn", "seed": 2, "limit": {"cut": {"prior_precision_dnn_3": 2}}}


def test_reservations():
    systems = {"AMER-1": [SEARCHED], "LightGBM (deep)": [TREES], "DNN": [LATE, TRIED]}
    assert reservations(systems, 12.0) == [
        "The time limit ended trainings of AMER-1, LightGBM (deep): to their end they may be "
        "better.",
        "The time limit left no time for final trainings of AMER-1 (fine-tuning, training from new "
        "weights, the longer training).",
        "Runs exceeded the limit of 12 s: AMER-1 by 35 s at most.",
    ]
    # A tenth of the limit is worth a word, and no less.
    assert reservations({"DNN": [LATE]}, 10.0) == [
        "Runs exceeded the limit of 10 s: DNN by 1.1 s at most."
    ]
    assert reservations({"DNN": [TRIED], "LR": []}, 12.0) == []


def test_details():
    systems = {
        "AMER-1": [SEARCHED],
        "LightGBM (deep)": [TREES],
        "DNN": [LATE, TRIED, {**LATE, "limit": {}}],
    }
    assert details(systems) == [
        (
            "AMER-1",
            4,
            "the supernet was ended after 1 epoch; fine-tuning was left out; training from new "
            "weights was left out 2 times; the longer training was left out; 35 s longer than the "
            "limit",
        ),
        ("LightGBM (deep)", 0, "its training was ended after 1 tree"),
        ("DNN", 1, "1.1 s longer than the limit"),
        ("DNN", 2, "a trial of a setting was ended after 2 epochs"),
    ]
