from __future__ import annotations

import types

import pytest

from amer_tf.architecture import Architecture, Block
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import RESCORED, TrialLog
from amer_tf.training.fit import TrainingError

CONV, POOL, SKIP = (
    Architecture(blocks=(Block("none", layer, "identity"),))
    for layer in ("conv_3", "max_pool_3", "zero")
)


@pytest.fixture
def log(tmp_path):
    return TrialLog(RunFolder(tmp_path))


def model(name):
    return types.SimpleNamespace(
        count_params=lambda: 7, save=lambda path: path.write_text(f"model {name}")
    )


def add(log, kind, architecture, score, name="?"):
    metrics = {"ndcg@5": score, "mrr": 0.1, "standard_errors": {"ndcg@5": 0.01}, "count": 40}
    log.add_model(kind, architecture, model(name), metrics, "ndcg@5")


def kept(log):
    return (log.run.path / "model.keras").read_text()


def test_a_trial_holds_what_is_known_of_the_model(log):
    add(log, "scratch", CONV, 0.25)
    assert log.run.trials() == [
        {
            "kind": "scratch",
            "score": 0.25,
            "standard_error": 0.01,
            "users": 40,
            "parameters": 7,
            "metrics": {
                "ndcg@5": 0.25,
                "mrr": 0.1,
                "standard_errors": {"ndcg@5": 0.01},
                "count": 40,
            },
            "architecture": CONV.to_dict(),
        }
    ]


def test_the_model_of_the_best_is_kept(log):
    log.run.append_trials([{"kind": "random", "score": 0.9}])
    add(log, "inherited", CONV, 0.2, "first")
    assert kept(log) == "model first"
    add(log, "inherited", POOL, 0.1, "worse")
    add(log, "scratch", POOL, 0.2, "equal")
    assert kept(log) == "model first"
    assert log.best()["kind"] == "inherited"
    add(log, "final", SKIP, 0.3, "better")
    log.run.append_trials([{"kind": "reference", "name": "ease", "score": 0.8}])
    assert kept(log) == "model better"
    assert log.best()["architecture"] == SKIP.to_dict()


def test_ranked_architectures_are_different(log):
    for architecture, score in ((POOL, 0.1), (CONV, 0.3), (POOL, 0.4), (SKIP, 0.3)):
        trial = {"kind": "random", "score": score, "architecture": architecture.to_dict()}
        log.run.append_trials([trial])
    add(log, "inherited", SKIP, 0.9)
    assert log.ranked("random") == [POOL, CONV, SKIP]
    assert log.ranked("scratch") == []


def test_a_failure_is_known_by_its_kind(log, caplog):
    log.add_failure("scratch", ValueError("The loss is nan."), architecture=CONV.to_dict())
    add(log, "inherited", POOL, 0.2)
    assert log.of("failed") == [
        {
            "kind": "failed",
            "of": "scratch",
            "reason": "The loss is nan.",
            "architecture": CONV.to_dict(),
        }
    ]
    assert caplog.messages == ["One scratch model failed. The loss is nan."]
    known = [
        (kind, architecture)
        for kind in ("inherited", "scratch")
        for architecture in (CONV, POOL, SKIP)
        if log.has(kind, architecture)
    ]
    assert known == [("inherited", POOL), ("scratch", CONV)]


def test_without_any_model_there_is_no_best(log):
    with pytest.raises(TrainingError, match=r"No model of this run could be scored\."):
        log.best()
    log.add_failure("inherited", ValueError("The scores are nan."))
    with pytest.raises(TrainingError, match=r"could be scored\. The scores are nan\."):
        log.best()


def test_a_model_over_a_limit_never_is_that_of_the_run(log):
    add(log, "inherited", POOL, 0.2, "kept")
    add(log, RESCORED, CONV, 0.9, "over")
    assert log.best()["kind"] == "inherited"
    assert log.ranked("inherited", RESCORED) == [CONV, POOL]
    add(log, "scratch", SKIP, 0.3)
    assert log.best()["kind"] == "scratch"
