"""The headline, worked out by hand for each way that a comparison may end."""

from __future__ import annotations

import math

import pytest

from amer_tf.report.verdict import Comparison, certainty, compare, headline, verdict
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_trials, record


def metrics(auc, log_loss=0.5, errors=(0.003, 0.004)):
    known = dict(zip(("auc", "log_loss"), errors, strict=True))
    return {"auc": auc, "log_loss": log_loss, "standard_errors": known}


def test_a_comparison():
    own, other = metrics(0.9, 0.30), metrics(0.88, 0.34, (0.004, None))
    by_auc = compare(own, other, "auc")
    assert by_auc.difference == pytest.approx(0.02)
    assert by_auc.error == pytest.approx(math.hypot(0.003, 0.004))
    assert by_auc.errors == pytest.approx(4.0)
    by_loss = compare(own, other, "log_loss")
    assert by_loss.difference == pytest.approx(0.04)  # of losses the lower one is better
    assert by_loss.error is None
    assert by_loss.errors is None


@pytest.mark.parametrize(
    ("difference", "expected", "sure"),
    [
        (0.03, "The network that the search found is better than all systems", "more than chance"),
        (0.015, "The network that the search found seems to be better", "a hint, and no proof"),
        (0.005, "The network that the search found is as good as the DNN", "cannot be told apart"),
        (0.0, "The network that the search found and the DNN are level", "cannot be told apart"),
        (-0.005, "The search gained nothing: the DNN, made by hand", "cannot be told apart"),
        (-0.015, "The DNN, made by hand, seems to be better", "a hint, and no proof"),
        (-0.03, "The DNN, made by hand, is better", "more than chance"),
    ],
)
def test_headlines(difference, expected, sure):
    comparison = Comparison("auc", 0.8 + difference, 0.8, 0.01)
    if difference == 0.0:
        comparison = Comparison("auc", 0.8, 0.8, 0.01)
    assert headline(comparison, "DNN").startswith(expected)
    assert sure in certainty(comparison)


def test_being_ahead_of_what_was_cut_short_says_nothing():
    cut = {"dnn": "1 epoch", "lightgbm": "12 trees"}
    ahead, behind = Comparison("auc", 0.83, 0.8, 0.01), Comparison("auc", 0.8, 0.83, 0.01)
    assert headline(ahead, "DNN", cut) == (
        "Whether the search gained anything is not known: what it found is ahead, but the time "
        "limit cut short DNN, LightGBM."
    )
    assert headline(behind, "DNN", cut).startswith("The DNN, made by hand, is better")


def test_few_seeds_want_a_larger_difference():
    comparison = Comparison("auc", 0.83, 0.80, 0.01, sure=4.3)
    assert "seems to be better" in headline(comparison, "DNN")
    assert "a hint, and no proof" in certainty(comparison)


def test_a_difference_of_unknown_error():
    comparison = Comparison("auc", 0.9, 0.8, None)
    assert "as good as the DNN" in headline(comparison, "DNN")
    assert certainty(comparison) == "How much of that is chance is not known."


def test_the_numbers_are_those_of_the_run(ctr):
    text = verdict([record(ctr)])
    references = [trial for trial in ctr.run.trials() if trial["kind"] == "reference"]
    best = max(references, key=lambda trial: trial["score"])
    assert f"Validation AUC: {ctr.score:.4f} for the found network" in text
    assert f"{best['score']:.4f} for the" in text
    side = "ahead" if ctr.score > best["score"] else "behind"
    assert f"{abs(ctr.score - best['score']):.4f} {side}" in text
    test = ctr.metrics["evaluate"]["test"]["auc"]
    assert f"On the test split: AUC {test:.4f} for the found network" in text


def test_a_reference_that_wins_is_said_to_win(ctr, copy):
    folder = copy(ctr)

    def better(trial):
        if trial["kind"] != "reference":
            return trial
        errors = {"auc": 0.001, "log_loss": 0.001}
        changed = {**trial["metrics"], "auc": 0.99, "log_loss": 9.0, "standard_errors": errors}
        return {**trial, "score": 0.99, "metrics": changed}

    change_trials(folder, better)
    text = verdict([record(SearchResult.load(folder))])
    assert "made by hand, is better than what the search found" in text or "seems to" in text
    assert "By log loss it is the other way round" in text


def test_over_seeds(ctr_seeds):
    first, second = map(record, ctr_seeds)
    text = verdict([first, second])
    mean = (first.best["score"] + second.best["score"]) / 2.0
    assert f"Mean over 2 seeds on the validation split: AUC {mean:.4f}" in text
    assert "of 2 runs" in text
    # The recorded test results of the two are the same, so their spread is none.
    assert "Mean over 2 seeds on the test split" in text
