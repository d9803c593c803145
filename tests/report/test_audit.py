"""The part of the page about an audit."""

from __future__ import annotations

import json
import re

import pytest

from amer_tf.report.audit import audit_section, points
from amer_tf.report.audit_verdict import audit_verdict
from amer_tf.report.page import page
from amer_tf.report.reproduce import command
from amer_tf.search.audit_findings import StepAudit
from amer_tf.search.rank_correlation import RankCorrelation
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from tests.report.conftest import change_json, record, write_trials
from tests.report.reading import Page

TITLE = "Did the search gain anything?"


def audit_trials(result, step, kind, measured_by):
    """As an audit would have added them, with scores in the order of the inherited ones."""
    architectures = [trial for trial in result.run.trials() if trial["kind"] == kind][:5]
    template = result.best_trial
    for rank, trial in enumerate(sorted(architectures, key=lambda trial: -trial["score"])):
        metrics = {**template["metrics"], "auc": 0.8 - 0.01 * rank, "ndcg@5": 0.3 - 0.01 * rank}
        metrics["log_loss"] = 0.4 + 0.01 * rank
        errors = {"auc": 0.003, "log_loss": 0.004, "ndcg@5": 0.003}
        yield {
            **template,
            "kind": "audit",
            "step": step,
            "inherited": trial["score"],
            "rank": rank,
            "num_scored": 2000,
            "measured_by": measured_by,
            "epochs": 7,
            "metrics": {**metrics, "standard_errors": errors},
            "architecture": trial["architecture"],
        }


def audited(result, folder, step, kind, measured_by):
    own = list(audit_trials(result, step, kind, measured_by))
    found = {**own[0], "step": "found", "inherited": None, "rank": None, "num_scored": None}
    drawn = [{**trial, "step": "random"} for trial in own]
    write_trials(folder, [*result.run.trials(), found, *own, *drawn])
    done = {"done": True, "architectures": 5, "used": result.metrics["seconds"] + 3.0}
    change_json(folder / "phases.json", lambda phases: {**phases, "audit": done})
    return SearchResult.load(folder)


@pytest.fixture
def next_item_audited(next_item, copy):
    return audited(next_item, copy(next_item), "behavior", "random", "ndcg@5")


@pytest.fixture
def ctr_audited(ctr, copy):
    return audited(ctr, copy(ctr), "mlp", "random mlp", "log_loss")


def test_a_run_without_an_audit_has_no_such_part(next_item):
    assert audit_section(record(next_item)) is None
    assert "--audit" not in command(record(next_item))


def test_the_part_of_the_page(next_item_audited):
    found = Page(page([record(next_item_audited)]))
    assert TITLE in found.headings
    assert audit_verdict(next_item_audited.audit()) in found.text
    [row] = found.table("Rank correlation")
    assert (row["Step"], row["By"], row["Trained"], row["Of"]) == (
        *("Behaviour networks", "NDCG@5", "5", "2,000"),
    )
    rows = found.table("What the search gained")
    assert [row["What"] for row in rows] == [
        "The model of the run",
        "The found architecture, trained alone",
        "A random architecture, trained alone (mean over 5)",
        "Transformer, made by hand",
    ]
    assert rows[1]["Validation NDCG@5"] == "0.3000 ± 0.0030"
    assert "They stand for random ones too" in found.text
    assert found.unclosed == []
    assert any("Inherited scores and scores of the same alone" in label for label in found.labels)
    assert "Training architectures alone, to check the search" in found.text


@pytest.mark.slow
def test_a_search_of_several_steps(ctr_audited):
    text = audit_section(record(ctr_audited))
    assert "Random architectures were drawn for themselves" in text
    assert re.search(r"MLPs: Kendall&#x27;s tau 1\.00 over 5 of 2,000", text)
    assert "Starting from inherited weights" in text


def test_losses_are_positive_in_the_picture():
    correlation = RankCorrelation(1.0, 1.0, 1.0, 0.1, 2)
    step = StepAudit("mlp", "log_loss", (-0.3, -0.4), (-0.5, -0.6), (0.1, None), 9, correlation)
    assert points(step) == ([0.3, 0.4], [0.5, 0.6])
    step = StepAudit("interaction", "log_loss", (0.02,), (-0.5,), (0.1,), 9, correlation)
    assert points(step) == ([0.02], [0.5])
    step = StepAudit("behavior", "auc", (0.7,), (0.8,), (0.1,), 9, correlation)
    assert points(step) == ([0.7], [0.8])


def test_where_too_few_were_trained_for_a_rank(ctr_audited):
    kept = [
        trial
        for trial in ctr_audited.run.trials()
        if trial["kind"] != "audit" or trial["step"] == "found"
    ]
    write_trials(ctr_audited.run.path, kept)
    text = audit_section(record(SearchResult.load(ctr_audited.run.path)))
    assert "Rank correlation" not in text
    assert "The found architecture, trained alone" in text


def test_what_a_time_limit_left_out(ctr_audited):
    left = {"architectures": 5, "missing": 3, "used": 1.0}
    change_json(ctr_audited.run.path / "phases.json", lambda phases: {**phases, "audit": left})
    text = audit_section(record(SearchResult.load(ctr_audited.run.path)))
    assert "for at most 7 epochs" in text
    assert "The time limit left 3 architectures untrained" in text


def test_the_command_audits_too(next_item_audited):
    assert "--audit=5" in command(record(next_item_audited))


def test_a_damaged_trial(ctr_audited):
    trials = ctr_audited.run.trials()
    del trials[-1]["measured_by"]
    write_trials(ctr_audited.run.path, trials)
    with pytest.raises(RunError, match="a trial of kind 'audit' without 'measured_by'"):
        record(SearchResult.load(ctr_audited.run.path))


def test_the_summary(ctr_audited):
    plain = json.loads(json.dumps(ctr_audited.summary(), allow_nan=False))["audit"]
    assert plain["verdict"] == audit_verdict(ctr_audited.audit())
    assert plain["steps"][0]["correlation"]["tau"] == 1.0
