"""Audits of the searches of a comparison, beside its own hand-made systems."""

from __future__ import annotations

import json

from amer_tf.compare import tuning
from amer_tf.compare.audits import audits, verdicts
from amer_tf.compare.page import page
from amer_tf.compare.tables import markdown
from amer_tf.search.audit_findings import Audit
from amer_tf.search.state import RunFolder
from tests.compare import made
from tests.search.test_audit_findings import FOUND, STEP, read, trial

AUDITED = read(FOUND, *STEP, trial("scratch", 0.81))
VALIDATION = {"auc": 0.7, "standard_errors": {"auc": 0.01}}


BESIDE_DNN = {"amer-23": 1.0, "dnn": 0.5}


def audited(folder, skills=made.SKILLS, tuning_trials=0, **changes):
    """A comparison with the audit of a search in it, which has gone through JSON."""
    result = made.comparison(folder, skills, tuning_trials=tuning_trials)
    record = result.systems[0].records[0]
    record["audit"] = json.loads(json.dumps({**AUDITED.to_dict(), **changes, "number": 8}))
    for system in result.systems:
        for each in system.records:
            each["validation"] = VALIDATION
    return result


def test_plain_json_and_back():
    assert Audit.from_dict(json.loads(json.dumps(AUDITED.to_dict()))) == AUDITED


def test_without_the_hand_made_system(tmp_path):
    result = audited(tmp_path, reference=None)
    [verdict, *others] = audits(result)["AMER-23"]
    assert verdict.endswith("the DNN is not among the systems that this comparison has trained.")
    assert any(sentence.startswith("MLPs: Kendall's tau") for sentence in others)
    assert f"- AMER-23: {verdict}" in markdown(result)
    assert "<h3>AMER-23</h3><p>The search" in page(result, {})


def test_the_comparisons_own_system_stands_beside_it(tmp_path):
    result = audited(tmp_path, BESIDE_DNN, reference=None)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "the DNN, not tuned (" in verdict
    assert f"and {VALIDATION['auc']:.4f};" in verdict


def test_the_best_variant_of_that_system_stands_beside_it(tmp_path):
    result = audited(tmp_path, {"amer-23": 1.0, "dnn": 0.3, "dnn@wide": 0.5, "dnn@deep": 0.0})
    [wide] = [system for system in result.systems if system.name == "dnn@wide"]
    for record in wide.records:
        record["validation"] = {**VALIDATION, "auc": 0.71}
    run = RunFolder(result.folder / "dnn@wide" / "seed_0")
    run.record_phase("reference_dnn", epoch=3, seconds=9.9, limit=10.0)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "ahead of the DNN (wide), not tuned (0.8100 and 0.7100;" in verdict
    assert "after 3 epochs" in verdict


def with_score(result, name, auc):
    """Another validation score of a system."""
    [system] = [system for system in result.systems if system.name == name]
    for record in system.records:
        record["validation"] = {**VALIDATION, "auc": auc}


def test_the_best_hand_made_system_stands_beside_it_where_it_is_ahead(tmp_path):
    """The found architecture has 0.81, the DNN 0.7."""
    result = audited(tmp_path, {"amer-23": 1.0, "dnn": 0.5, "deepfm": 0.4, "dcn@deep": 0.3})
    with_score(result, "dcn@deep", 0.805)
    assert "best hand-made system" not in audits(result)["AMER-23"][0]
    with_score(result, "deepfm", 0.85)
    [verdict, *_] = audits(result)["AMER-23"]
    assert verdict.startswith(
        "The search did not pay: the best hand-made system here (DeepFM) is better: "
    )
    assert "ahead of the DNN, not tuned (0.8100 and 0.7000;" in verdict
    assert (
        "and it is 0.0400 behind the best hand-made system here (DeepFM), not tuned (0.8100 and "
        "0.8500;" in verdict
    )
    # Where that is the DNN itself, it is named once.
    with_score(result, "dnn", 0.9)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "0.0900 behind the DNN, not tuned (" in verdict
    assert "best hand-made system" not in verdict


def test_the_best_hand_made_system_where_the_dnn_is_not_compared(tmp_path):
    result = audited(tmp_path, {"amer-23": 1.0, "deepfm": 0.4})
    with_score(result, "deepfm", 0.85)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "behind the best hand-made system here (DeepFM), not tuned (" in verdict
    assert verdict.endswith("the DNN is not among the systems that this comparison has trained.")


def test_how_that_system_was_tuned(tmp_path):
    result = audited(tmp_path / "preset", BESIDE_DNN)
    prior = {"kind": "tuning", "system": "dnn", "setting": "prior_precision"}
    RunFolder(result.folder / "dnn" / "seed_0").append_trials(
        [{**prior, "value": value} for value in (3.0, 10.0)]
    )
    assert "the DNN, tuned in its prior alone (" in audits(result)["AMER-23"][0]
    result = audited(tmp_path / "tuned", BESIDE_DNN, tuning_trials=10)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "the DNN, tuned by 10 trials (" in verdict
    assert "the best of those 10 on these rows)." in verdict
    result = audited(tmp_path / "less", BESIDE_DNN, tuning_trials=10)
    tuning.write(result.run, {"dnn": [tuning.Trial({}, 0.6)] * 7})
    assert "the DNN, tuned by 7 trials (" in audits(result)["AMER-23"][0]


def test_that_system_failed(tmp_path):
    result = audited(tmp_path, {"amer-23": 1.0, "dnn": 0.0})
    [verdict, *_] = audits(result)["AMER-23"]
    assert verdict.endswith("the DNN has no score (its training failed: The loss is <NaN>).")
    assert "The loss is &lt;NaN&gt;)." in page(result, {})


def test_that_system_has_not_been_trained_yet(tmp_path):
    result = audited(tmp_path, BESIDE_DNN)
    result.systems[1].records.clear()
    [verdict, *_] = audits(result)["AMER-23"]
    assert verdict.endswith("the DNN has no score (it has not been trained yet).")


def test_a_time_limit_cut_that_system_short(tmp_path):
    """What it had is read off its own run folder: the audited ones had four epochs."""
    result = audited(tmp_path, BESIDE_DNN)
    run = RunFolder(result.folder / "dnn" / "seed_0")
    run.record_phase("reference_dnn", epoch=3, seconds=9.9, limit=10.0)
    [verdict, *_] = audits(result)["AMER-23"]
    assert "a time limit ended its training after 3 epochs: no fair rival" in verdict
    run.record_phase("reference_dnn", epoch=4)
    assert "no fair rival" not in audits(result)["AMER-23"][0]


def test_an_audit_that_failed(tmp_path):
    result = made.comparison(tmp_path)
    assert "worth it" not in markdown(result)
    failed = {"number": 5, "reason": "The disk is full.", "is_final": False}
    text = "The audit of 5 architectures a step failed: The disk is full."
    result.systems[0].records[0]["audit"] = failed
    assert audits(result) == {"AMER-23": [f"{text} The same command tries it again."]}
    assert f"- AMER-23: {text}" in markdown(result)
    assert f"<h3>AMER-23</h3><p>{text}" in page(result, {})
    result.systems[0].records[0]["audit"] = {**failed, "is_final": True}
    assert audits(result) == {"AMER-23": [text]}
    assert verdicts(result) == {"amer-23": text}


def test_an_audit_that_was_to_be_larger_and_failed(tmp_path):
    result = audited(tmp_path, reason="The disk is full.", is_final=False)
    verdict, failure, *_ = audits(result)["AMER-23"]
    assert verdict.startswith("The search ")
    assert failure.startswith("The audit of 8 architectures a step failed: The disk is full.")


def test_what_a_time_limit_left_out(tmp_path):
    result = audited(tmp_path, num_missing=6, num_failed=1)
    text = (
        "1 training diverged and is left out. The time limit left 6 architectures untrained: the "
        "same command, given once more, goes on."
    )
    verdict, left_out, *others = audits(result)["AMER-23"]
    assert left_out == text
    assert others
    # In short without what else there is.
    assert verdicts(result) == {"amer-23": f"{verdict} {text}"}
    assert text in markdown(result)
    assert text in page(result, {})
