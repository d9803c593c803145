"""What a comparison was made with, in words."""

from __future__ import annotations

import pytest

from amer_tf.compare.page import page
from amer_tf.compare.recipe import facts, what_is_the_same
from amer_tf.compare.tables import markdown
from tests.compare import made

OWN = {"lr": {"l2": 0.5}}


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "the same rows, recipe and budget for all"),
        ({"time_limit": None}, "the same rows and recipe for all, no time limit"),
        (
            {"own": OWN},
            "the same rows and budget for all, the same recipe but for the own settings of LR",
        ),
        (
            {"own": OWN, "time_limit": None},
            "the same rows for all, the same recipe but for the own settings of LR, no time limit",
        ),
        (
            {"tuning_trials": 3, "tuning_choices": {}},
            "the same rows, recipe and budget for all, settings tuned by 3 trials of each",
        ),
    ],
)
def test_what_is_the_same(tmp_path, config, text):
    result = made.comparison(tmp_path, **config)
    assert what_is_the_same(result) == text
    assert f"3 systems, 2 seeds, {text}." in page(result, {})


def test_the_candidates(tmp_path):
    known = dict(facts(made.ranking(tmp_path), {}))
    assert known["Candidates"] == (
        "among random items, among the whole catalogue; 100 frozen negatives of a user, drawn "
        "with seed 0"
    )
    assert known["Tuning"] == known["Time limit of a run"] == "none"


def test_what_only_python_can_ask_for(tmp_path):
    result = made.comparison(tmp_path, seeds=[0, 2])
    assert "Only Python can ask for it again" in markdown(result)
    assert "Only Python can ask for it again" in page(result, {})
