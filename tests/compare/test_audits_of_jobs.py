"""When a search of a comparison is audited, and audited again, without any training."""

from __future__ import annotations

import json
import types

import pytest

from amer_tf.compare import job
from amer_tf.compare.job import RECORD_FILE, TEST_FILE, Job
from amer_tf.compare.systems import System
from amer_tf.search.audit_plan import TooFewScoresError
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import TrainingError
from tests.search.test_audit_findings import FOUND, STEP, read

DONE = {"status": "done", "score": 0.7, "test": {}}
FINDINGS = read(FOUND, *STEP)
DEATH = "it was ended by signal 9; see amer-3/seed_0/log.txt"


def searched(folder, audit=8, known=None) -> Job:
    """A search that is done, and what its record says of an audit."""
    record = DONE if known is None else {**DONE, "audit": known}
    (folder / RECORD_FILE).write_text(json.dumps(record))
    (folder / TEST_FILE).touch()
    return Job(System("amer-3", ("mlp",)), 0, CtrSettings(), folder, audit=audit)


def findings(number=8, **changes):
    return {**FINDINGS.to_dict(), "number": number, **changes}


def audited_by(outcome, monkeypatch, own, missing=0):
    """The record after an audit that ends so: with what was found, nothing, or an error."""

    def search(*arguments):
        if isinstance(outcome, Exception):
            raise outcome
        RunFolder(own.folder).record_phase("audit", missing=missing)
        return types.SimpleNamespace(audit=lambda: outcome, run=RunFolder(own.folder))

    monkeypatch.setattr(job, "_searched", search)
    job.train(own, lambda: None)
    return own.record()["audit"]


@pytest.mark.parametrize(
    ("audit", "known", "is_open"),
    [
        (0, None, False),
        (8, None, True),
        (8, findings(5), True),
        (8, findings(), False),
        (5, findings(8), False),
        # A time limit left some out: the same command goes on with them.
        (8, findings(num_missing=6), True),
        (0, findings(num_missing=6), False),
        (8, {"number": 8, "reason": "No space left on device.", "is_final": False}, True),
        (8, {"number": 8, "reason": "Too few were scored.", "is_final": True}, False),
        (9, {"number": 8, "reason": "Too few were scored.", "is_final": True}, True),
        (0, {"number": 8, "reason": "No space left on device.", "is_final": False}, False),
        # One that was to be larger failed.
        (8, findings(reason="No space left on device.", is_final=False), True),
    ],
)
def test_when_there_is_something_to_audit(tmp_path, audit, known, is_open):
    assert searched(tmp_path, audit, known).is_open == is_open


def test_a_process_that_dies_in_its_audit(tmp_path):
    own = searched(tmp_path)
    own.record_failure(DEATH)
    record = own.record()
    assert record.pop("audit") == {"number": 8, "reason": DEATH, "is_final": False}
    assert record == DONE
    assert own.is_open
    assert job.sentence(own) == (
        f"amer-3, {tmp_path.name.replace('_', ' ')}: 0.7000 on the validation split; "
        f"its audit failed: {DEATH}"
    )


def test_what_an_audit_before_it_found_stays(tmp_path):
    own = searched(tmp_path, 8, known=findings(5))
    own.record_failure(DEATH)
    audit = own.record()["audit"]
    assert audit == json.loads(json.dumps(findings(8, reason=DEATH, is_final=False)))


def test_nothing_is_said_of_a_search_that_is_not_audited(tmp_path):
    own = searched(tmp_path, audit=0)
    own.record_failure(DEATH)
    assert own.record() == DONE


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (RunError("No space left on device."), False),
        (MemoryError("no memory"), False),
        (TrainingError("The loss is nan."), True),
        (TooFewScoresError("An audit needs at least 5 architectures."), True),
    ],
)
def test_whether_an_audit_that_fails_is_tried_again(tmp_path, monkeypatch, error, is_final):
    own = searched(tmp_path)
    audit = audited_by(error, monkeypatch, own)
    assert audit == {"number": 8, "reason": job.reason_of(error), "is_final": is_final}
    assert own.is_open != is_final


def test_an_audit_that_ends_well_after_one_that_failed(tmp_path, monkeypatch):
    own = searched(tmp_path)
    own.record_failure(DEATH)
    audit = audited_by(FINDINGS, monkeypatch, own)
    assert audit == json.loads(json.dumps(findings()))
    assert not own.is_open


def test_an_audit_in_which_nothing_was_trained(tmp_path, monkeypatch):
    own = searched(tmp_path)
    audit = audited_by(None, monkeypatch, own, missing=9)
    assert audit["reason"] == "The time limit ended before one architecture was trained."
    assert own.is_open
    audit = audited_by(None, monkeypatch, own)
    assert audit["reason"] == "None of its architectures could be trained."
    assert not own.is_open
