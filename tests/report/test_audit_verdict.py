"""The sentences on an audit, for each way that it may end."""

from __future__ import annotations

import dataclasses

import pytest

from amer_tf.report.audit_verdict import audit_verdict, start_verdict, step_sentence
from amer_tf.search.audit_findings import Audit, RandomScore, Score, Start, StepAudit
from amer_tf.search.rank_correlation import RankCorrelation

AUDIT = Audit(
    metric="auc",
    steps=(),
    found=Score(0.80, 0.003),
    random=RandomScore(0.78, 0.01, 0.004, 8, False),
    result=Score(0.81, 0.003),
    reference=Score(0.79, 0.004),
    reference_name="dnn",
    starts=(),
    epochs=7,
    num_failed=0,
    num_missing=0,
    reference_cut_at=None,
    reference_tried=5,
)
RANDOM = "a random architecture trained in the same way"


def changed(random=0.78, reference=0.79):
    return dataclasses.replace(
        AUDIT,
        random=dataclasses.replace(AUDIT.random, mean=random),
        reference=Score(reference, 0.004),
    )


def test_the_whole_sentence():
    assert audit_verdict(AUDIT) == (
        f"The search gained something over {RANDOM} and over the DNN: by validation AUC, the "
        f"found architecture, trained once more with another seed, is 0.0200 ahead of {RANDOM} "
        "(0.8000 and 0.7800; 4.0 times the standard error of 0.0050), and it is 0.0100 ahead of "
        "the DNN, tuned in its prior alone (0.8000 and 0.7900; 2.0 times the standard error of "
        "0.0050; `amer compare --tune=N` tunes the rest)."
    )


@pytest.mark.parametrize(
    ("random", "reference", "start"),
    [
        (0.78, 0.78, f"The search gained something over {RANDOM} and over the DNN: "),
        (0.78, 0.805, f"The search gained something over {RANDOM}, and nothing over the DNN that"),
        (0.795, 0.78, f"The search gained something over the DNN, and nothing over {RANDOM} that"),
        (0.795, 0.805, "The search gained nothing that these rows can show: "),
        (0.801, 0.805, "The search gained nothing that these rows can show: "),
        (0.78, 0.83, "The search did not pay: the DNN is better: "),
        (0.82, 0.78, f"The search did not pay: {RANDOM} is better: "),
        (0.82, 0.83, f"The search did not pay: {RANDOM} and the DNN are better: "),
    ],
)
def test_leads(random, reference, start):
    assert audit_verdict(changed(random, reference)).startswith(start)


def test_who_is_behind():
    text = audit_verdict(changed(0.801, 0.805))
    assert f"is 0.0010 behind {RANDOM} (0.8000 and 0.8010; 0.2 times the standard error" in text
    assert (
        "and it is 0.0050 behind the DNN, tuned in its prior alone (0.8000 and 0.8050; 1.0 times"
        in text
    )


def test_the_luck_of_the_result_does_not_count():
    """The best of several trainings is ahead of the reference, the same trained again is not."""
    audit = dataclasses.replace(changed(0.78, 0.80), result=Score(0.83, 0.003))
    text = audit_verdict(audit)
    assert "and nothing over the DNN that" in text
    assert "0.8300" not in text


def test_where_the_found_one_could_not_be_trained_again():
    audit = dataclasses.replace(AUDIT, found=None)
    text = audit_verdict(audit)
    assert text == (
        "The search gained nothing that these rows can show: by validation AUC, the model of the "
        "run, the best of several trainings, is 0.0200 ahead of the DNN, tuned in its prior alone "
        "(0.8100 and 0.7900; 4.0 times the standard error of 0.0050; `amer compare --tune=N` tunes "
        "the rest; trained once: no fair rival)."
    )
    # Better in spite of that it counts.
    text = audit_verdict(dataclasses.replace(audit, reference=Score(0.83, 0.004)))
    assert text.startswith("The search did not pay: the DNN is better: ")


def test_without_the_reference():
    audit = dataclasses.replace(AUDIT, reference=None, reference_name="transformer")
    text = audit_verdict(audit)
    assert text.startswith(f"The search gained something over {RANDOM}: by validation AUC, ")
    assert text.endswith(
        ", and the Transformer is not among the references of this run "
        "(`--references=transformer` scores it)."
    )


@pytest.mark.parametrize(
    ("changes", "how", "hint"),
    [
        ({"reference_tried": 0}, "the DNN, not tuned (0", "; `amer compare --tune=N` tunes it)."),
        ({"reference_tried": 1}, "the DNN, not tuned (0", "; `amer compare --tune=N` tunes it)."),
        ({"reference_trials": 1}, "the DNN, tuned in its prior alone (0", " tunes the rest)."),
        (
            {"reference_trials": 10},
            "the DNN, tuned by 10 trials (0",
            "error of 0.0050; the best of those 10 on these rows).",
        ),
    ],
)
def test_how_the_reference_was_tuned(changes, how, hint):
    text = audit_verdict(dataclasses.replace(AUDIT, **changes))
    assert how in text
    assert text.endswith(hint)


@pytest.mark.parametrize(
    ("score", "start"),
    [
        (0.83, "The search did not pay: the best hand-made system here (EASE) is better: "),
        (
            0.801,
            f"The search gained something over {RANDOM} and over the DNN, and nothing over the "
            "best hand-made system here (EASE) that these rows can show: ",
        ),
    ],
)
def test_beside_the_best_hand_made_system(score, start):
    """It is ahead of the found one's 0.8 by 0.03 or 0.001, six errors of 0.005 or 0.2 of one."""
    best = dataclasses.replace(
        AUDIT, reference=Score(score, 0.004), reference_name="ease", reference_trials=4
    )
    text = audit_verdict(AUDIT, best=best)
    assert text.startswith(start)
    assert text.endswith(
        f", and it is {score - 0.8:.4f} behind the best hand-made system here (EASE), tuned by 4 "
        f"trials (0.8000 and {score:.4f}; {(score - 0.8) / 0.005:.1f} times the standard error of "
        "0.0050; the best of those 4 on these rows)."
    )


def test_a_system_without_settings_is_not_to_be_tuned():
    changes = {"reference_name": "popularity", "reference_tried": 0}
    text = audit_verdict(dataclasses.replace(AUDIT, **changes))
    assert "ahead of the Popularity (0.8000 and 0.7900; 2.0 times the standard error of" in text
    assert text.endswith("0.0050).")


def test_a_reference_that_failed():
    why = "its training failed: The loss is nan."
    text = audit_verdict(dataclasses.replace(AUDIT, reference=None, reference_failure=why))
    assert text.endswith(", and the DNN has no score (its training failed: The loss is nan).")
    assert "not among" not in text


def test_a_reference_that_a_time_limit_cut_short():
    audit = dataclasses.replace(AUDIT, reference_cut_at=3)
    text = audit_verdict(audit)
    assert text.startswith(f"The search gained something over {RANDOM}: ")
    assert "; a time limit ended its training after 3 epochs: no fair rival)" in text
    trees = dataclasses.replace(audit, reference_name="lightgbm@deep")
    assert "; a time limit ended its training after 3 trees: no fair" in audit_verdict(trees)
    text = audit_verdict(dataclasses.replace(changed(0.795, 0.78), reference_cut_at=3))
    assert text.startswith("The search gained nothing that these rows can show: ")
    # Better in spite of that it counts.
    text = audit_verdict(dataclasses.replace(changed(0.78, 0.83), reference_cut_at=3))
    assert text.startswith("The search did not pay: the DNN is better: ")


def test_where_no_error_is_known():
    audit = dataclasses.replace(AUDIT, found=Score(0.8, None), reference=None)
    text = audit_verdict(audit)
    assert text.startswith("The search gained nothing that these rows can show: ")
    assert "(0.8000 and 0.7800; how much of that is chance is not known)" in text


def test_where_nothing_could_be_trained():
    audit = dataclasses.replace(AUDIT, found=None, reference=None)
    assert audit_verdict(audit).startswith("Whether the search gained anything is not known: ")


def test_inherited_and_new_weights():
    assert start_verdict(AUDIT) is None
    starts = (
        Start(Score(0.80, 0.003), Score(0.79, 0.004), "fine-tuned"),
        Start(Score(0.70, 0.003), Score(0.79, 0.004), "fine-tuned"),
    )
    text = start_verdict(dataclasses.replace(AUDIT, starts=starts))
    assert text == (
        "Starting from inherited weights beat starting from new ones: validation AUC 0.8000 for "
        "one architecture trained on from the supernet's weights, 0.7900 for the same trained from "
        "scratch. That is 2.0 times its standard error (0.0050): more than chance explains. It is "
        "ahead in 1 of 2 architectures."
    )
    text = start_verdict(dataclasses.replace(AUDIT, starts=starts[1:]))
    assert "Starting from inherited weights did not beat starting from new ones: " in text
    assert "architectures" not in text


@pytest.mark.parametrize("error", [0.006, None])
def test_inherited_weights_that_are_ahead_by_what_may_be_chance(error):
    """0.01 is 1.4 times the error of the difference, 0.0072, or nobody knows how much."""
    start = Start(Score(0.80, error), Score(0.79, 0.004), "fine-tuned")
    text = start_verdict(dataclasses.replace(AUDIT, starts=(start,)))
    assert text.startswith("Starting from inherited weights scored higher than starting from new")
    assert "beat" not in text


@pytest.mark.parametrize(
    ("tau", "p_value", "end"),
    [
        (0.8, 0.01, "the inherited scores rank better than chance."),
        (0.4, 0.2, "no order that chance would not give."),
        (-0.8, 0.01, "the worse the inherited score, the better alone."),
    ],
)
def test_a_step(tau, p_value, end):
    correlation = RankCorrelation(tau, tau - 0.1, tau + 0.1, p_value, 8)
    step = StepAudit("mlp", "log_loss", (), (), (), 2000, correlation)
    text = step_sentence(step)
    assert text.startswith(f"Kendall's tau {tau:.2f} over 8 of 2,000 (bootstrap interval ")
    assert text.endswith(end)


def test_a_step_in_which_all_are_alike():
    correlation = RankCorrelation(None, None, None, None, 8)
    step = StepAudit("mlp", "log_loss", (), (), (), 2000, correlation)
    assert "8 of 2,000: all of them have the same score" in step_sentence(step)
