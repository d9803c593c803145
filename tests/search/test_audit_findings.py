"""What is read off the log of an audited run, worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.search.audit_findings import Audit, Score, cut_at, rank_weights, read_audit
from amer_tf.search.rank_correlation import rank_correlation


def architecture(number):
    return Architecture(mlp=(HiddenLayer("relu", units=number),)).to_dict()


def trial(kind, auc, number=1, log_loss=0.5, **what):
    metrics = {
        "auc": auc,
        "log_loss": log_loss,
        "standard_errors": {"auc": 0.003, "log_loss": 0.004},
    }
    return {
        "kind": kind,
        "score": auc,
        "standard_error": 0.003,
        "metrics": metrics,
        "architecture": architecture(number),
        **what,
    }


def audited(step, auc, number=1, log_loss=0.5, **what):
    given = {"inherited": None, "rank": None, "num_scored": None, "epochs": 4}
    given |= {"measured_by": "log_loss", "step": step}
    return trial("audit", auc, number, log_loss, **given | what)


def step_of(aucs, losses, inherited, ranks, step="mlp"):
    return [
        audited(step, auc, 10 + rank, loss, inherited=score, rank=rank, num_scored=9)
        for auc, loss, score, rank in zip(aucs, losses, inherited, ranks, strict=True)
    ]


INHERITED = [-0.30, -0.31, -0.32, -0.33, -0.34]
STEP = step_of(
    [0.80, 0.79, 0.78, 0.75, 0.74], [0.40, 0.41, 0.42, 0.44, 0.43], INHERITED, [0, 2, 4, 6, 8]
)
BEST = trial("fine-tuned", 0.82)
FOUND = audited("found", 0.81)


def read(*trials, best=BEST, steps=("mlp",), task="ctr", phases=None, references=()):
    return read_audit(
        [best, *trials],
        best,
        metric="auc",
        task=task,
        steps=steps,
        seed=3,
        phases=phases or {},
        references=references,
    )


def test_a_run_without_an_audit():
    assert read() is None


def test_a_step_ranked_by_a_loss():
    [step] = read(FOUND, *STEP).steps
    assert step.inherited == tuple(INHERITED)
    assert step.alone == (-0.40, -0.41, -0.42, -0.44, -0.43)
    assert set(step.errors) == {0.004}
    assert (step.step, step.measured_by, step.num_scored) == ("mlp", "log_loss", 9)
    # One of ten pairs is the wrong way round.
    assert step.correlation.tau == pytest.approx(0.8)
    assert step.correlation == rank_correlation(step.inherited, step.alone, seed=3)


def test_the_order_of_the_log_does_not_matter():
    assert read(FOUND, *reversed(STEP)) == read(FOUND, *STEP)


def test_rank_weights():
    # The ends stand for half as many ranks as those in between.
    np.testing.assert_allclose(rank_weights([0, 2, 4, 6, 8]), [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8])
    np.testing.assert_allclose(rank_weights([0, 1, 4]), [1 / 8, 4 / 8, 3 / 8])
    assert sum(rank_weights([0, 3, 4, 11, 12])) == pytest.approx(1.0)


def test_a_random_architecture_by_design():
    found = read(FOUND, *STEP)
    mean = (0.80 / 2 + 0.79 + 0.78 + 0.75 + 0.74 / 2) / 4
    weights, values = [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], [0.80, 0.79, 0.78, 0.75, 0.74]
    squares = sum(weight**2 for weight in weights)
    variance = sum(
        weight * (value - mean) ** 2 for weight, value in zip(weights, values, strict=True)
    )
    deviation = math.sqrt(variance / (1 - squares))
    assert found.random.mean == pytest.approx(mean)
    assert found.random.deviation == pytest.approx(deviation)
    # Of other rows, and of other architectures.
    assert found.random.error == pytest.approx(math.hypot(0.003, deviation * math.sqrt(squares)))
    assert (found.random.count, found.random.is_drawn) == (5, False)
    assert found.found == Score(0.81, 0.003)
    assert found.result == Score(0.82, 0.003)


def test_random_architectures_that_were_drawn():
    drawn = [audited("random", auc, 20 + index) for index, auc in enumerate((0.7, 0.8, 0.9))]
    found = read(FOUND, *STEP, *drawn, steps=("interaction", "mlp"))
    assert found.random.mean == pytest.approx(0.8)
    assert found.random.deviation == pytest.approx(0.1)
    assert found.random.error == pytest.approx(math.hypot(0.003, 0.1 / math.sqrt(3)))
    assert (found.random.count, found.random.is_drawn) == (3, True)


def test_references():
    others = [trial("reference", 0.9, name="deepfm"), trial("reference", 0.77, name="dnn")]
    found = read(FOUND, *STEP, *others)
    assert (found.reference_name, found.reference) == ("dnn", Score(0.77, 0.003))
    found = read(FOUND, *STEP, task="next_item")
    assert (found.reference_name, found.reference) == ("transformer", None)


def failure(of, name):
    return {"kind": "failed", "of": of, "name": name, "reason": "The loss is nan."}


@pytest.mark.parametrize(
    ("trials", "references", "reason"),
    [
        ([], (), None),
        ([failure("reference", "dnn")], ("dnn",), "its training failed: The loss is nan."),
        ([failure("reference", "lr")], (), None),
        ([], ("lr", "dnn"), "the time limit ended before its training began"),
        ([trial("reference", 0.77, name="dnn")], ("dnn",), None),
    ],
)
def test_why_the_reference_has_no_score(trials, references, reason):
    assert read(FOUND, *trials, references=references).reference_failure == reason


def test_what_the_run_tried_for_the_reference():
    tried = [
        trial("tuning", 0.7, system=system, setting="prior_precision", value=value)
        for system, value in (("dnn", 3.0), ("dnn", 10.0), ("amer", 30.0))
    ]
    assert read(FOUND, *tried).reference_tried == 2
    assert read(FOUND).reference_tried == 0


def test_an_audit_written_without_the_newer_values():
    plain = read(FOUND, *STEP).to_dict()
    for name in ("reference_failure", "reference_tried", "reference_trials"):
        del plain[name]
    assert Audit.from_dict(plain) == read(FOUND, *STEP)


def test_inherited_and_new_weights_of_one_architecture():
    log = [
        trial("inherited", 0.70, 1),
        trial("fine-tuned", 0.80, 1),
        trial("fine-tuned", 0.81, 2),
        trial("scratch", 0.79, 2),
        trial("scratch", 0.83, 3),
    ]
    [start] = read(FOUND, *log).starts
    assert start.inherited == Score(0.81, 0.003)
    assert start.scratch == Score(0.79, 0.003)
    assert start.kind == "fine-tuned"


def test_where_nothing_was_trained_on():
    best = trial("inherited", 0.7, 1)
    found = read(trial("scratch", 0.6, 1), FOUND, best=best)
    assert found.starts[0].kind == "inherited"
    assert found.starts[0].inherited.value == 0.7
    assert (found.steps, found.random) == ((), None)


def test_failures_are_counted():
    failed = {"kind": "failed", "of": "audit", "step": "mlp", "reason": "nan"}
    other = {"kind": "failed", "of": "scratch", "reason": "nan"}
    assert read(FOUND, *STEP, failed, other).num_failed == 1


def test_how_long_and_how_many():
    longer = audited("random", 0.7, epochs=9)
    found = read(FOUND, *STEP, longer, {**longer, "epochs": None})
    assert (found.epochs, found.num_missing) == (9, 0)


CUT = {"epoch": 3, "seconds": 9.9, "limit": 10.0}


@pytest.mark.parametrize(
    ("name", "training", "cut_at"),
    [
        ("reference_dnn", CUT, 3),
        ("dnn", CUT, 3),
        ("reference_dnn", {**CUT, "epoch": 4}, None),  # as many as the audited ones
        ("reference_dnn", {**CUT, "limit": 30.0}, None),  # it ended by itself
        ("reference_dnn", {"epoch": 3, "seconds": 9.0}, None),
        ("reference_dnn", {"limit": 3.0}, None),
        ("reference_deepfm", CUT, None),
    ],
)
def test_a_reference_that_was_cut_short(name, training, cut_at):
    found = read(FOUND, phases={name: training, "audit": {"missing": 2}})
    assert found.reference_cut_at == cut_at
    assert found.num_missing == 2


def test_any_training_that_a_limit_ended():
    phases = {
        "reference_dnn": {**CUT, "epoch": 400},
        "reference_lightgbm": {"seconds": 0.3, "limit": 0.1, "trees": 7},
        "reference_deepfm": {"seconds": 0.3, "limit": 10.0, "epoch": 4},
    }
    names = ("dnn", "lightgbm", "deepfm", "din")
    assert [cut_at(phases, name) for name in names] == [400, 7, None, None]


def test_plain_json():
    found = read(FOUND, *STEP)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["steps"][0]["correlation"]["tau"] == pytest.approx(0.8)
    assert plain["random"]["mean"] == found.random.mean
    assert plain["reference"] is None
