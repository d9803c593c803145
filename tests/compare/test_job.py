"""What a training writes down of itself."""

from __future__ import annotations

import pytest

from amer_tf.compare import Candidates
from amer_tf.compare.job import ATTEMPTS_FILE, Job
from amer_tf.compare.systems import System
from amer_tf.compare.verdict import verdict
from amer_tf.search.ctr_settings import CtrSettings
from tests.compare.test_comparison import RANKING, compare


def trained(folder, workers=2) -> Job:
    """The job of a folder, as it was asked for with so many workers."""
    return Job(System("dnn"), 0, CtrSettings(), folder, workers=workers)


def test_before_any_attempt(tmp_path):
    assert trained(tmp_path).attempts() == {}


def test_a_training_that_ended_at_once(tmp_path):
    own = trained(tmp_path)
    own.record_attempt()
    assert own.attempts() == {"workers": 2}
    # Opened again to be measured, it is not trained.
    (tmp_path / "metrics.json").touch()
    own.record_attempt()
    assert own.attempts() == {"workers": 2}


def test_a_training_that_went_on_later(tmp_path):
    trained(tmp_path).record_attempt()
    trained(tmp_path, workers=0).record_attempt()
    assert trained(tmp_path).attempts() == {"workers": 2, "resumed": True}


def test_a_training_in_the_process_of_the_comparison(tmp_path):
    trained(tmp_path, workers=0).record_attempt()
    assert trained(tmp_path).attempts() == {"workers": 1}


def test_a_training_that_was_begun_before_attempts_were_recorded(tmp_path):
    (tmp_path / "config.json").touch()
    trained(tmp_path).record_attempt()
    assert trained(tmp_path).attempts() == {"workers": 2, "resumed": True}


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search", "no_latency")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_a_search_that_a_limit_leaves_its_supernet_alone(load_ranking, tmp_path):
    """The least it does takes longer than a hundredth of a second."""
    candidates = Candidates(num_negatives=10)
    options = {"seeds": (0,), "candidates": candidates, "time_limit": 0.01}
    result = compare(load_ranking, tmp_path, ["amer"], RANKING, **options)
    [record] = result.records
    assert record["limit"]["left_out"] == {"finetuning": 2, "scratch": 2, "final": 1}
    assert record["limit"]["cut"] == {"supernet": 1}
    over = record["seconds"] - 0.01
    assert record["limit"]["seconds_over"] == pytest.approx(over, abs=1e-3)
    assert (record["workers"], "resumed" in record) == (1, False)
    assert (tmp_path / "amer-1" / "seed_0" / ATTEMPTS_FILE).is_file()
    text = verdict(result)
    assert "The time limit ended trainings of AMER-1: to their end they may be better." in text
    assert "no time for final trainings of AMER-1 (fine-tuning, training from new weights, " in text
    assert "Runs exceeded the limit of 0.0 s: AMER-1 by " in text
