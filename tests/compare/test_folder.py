"""Damaged files of comparisons, and what messages say of their folders."""

from __future__ import annotations

import re

import pytest

from amer_tf.compare import ComparisonResult
from amer_tf.compare.folder import ComparisonFolder
from amer_tf.compare.job import LATENCY_FILE, RECORD_FILE, Job
from amer_tf.compare.systems import System
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.run_error import RunError
from tests.compare import made

ANEW = "It is damaged: delete it and run the same command again, which writes it anew"


@pytest.mark.parametrize("content", ['{"system": "lr", "se', "7\n", '{"system": "lr"}\n', "\xff"])
def test_damaged_results(tmp_path, content):
    made.comparison(tmp_path)
    (tmp_path / "results.jsonl").write_text(content, encoding="latin-1")
    with pytest.raises(RunError, match=rf"results\.jsonl cannot be read: .*{ANEW}"):
        ComparisonResult(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tuning.json"])
def test_damaged_files_of_a_comparison(tmp_path, name):
    made.comparison(tmp_path, tuning_trials=2)
    (tmp_path / name).write_text("{")
    with pytest.raises(RunError, match=rf"{re.escape(name)} cannot be read: .*{ANEW}"):
        ComparisonResult(tmp_path).trials  # noqa: B018


def test_a_folder_without_seeds(tmp_path):
    made.comparison(tmp_path)
    (tmp_path / "config.json").write_text('{"systems": ["lr"]}')
    with pytest.raises(RunError, match="There is no comparison in this folder"):
        ComparisonResult(tmp_path)


def test_damaged_files_of_one_run(tmp_path):
    own = Job(System("dnn"), 0, CtrSettings(), tmp_path)
    for name, read in ((RECORD_FILE, own.record), (LATENCY_FILE, lambda: own.has_latency)):
        (tmp_path / name).write_text("")
        with pytest.raises(RunError, match=rf"{re.escape(name)} cannot be read: .*{ANEW}"):
            read()


def test_a_comparison_at_work(tmp_path):
    one, other = ComparisonFolder(tmp_path), ComparisonFolder(tmp_path)
    message = (
        r"Another comparison is at work in this folder: .* or use a new folder "
        r"\(`--out`\)\. Received: folder="
    )
    with one.at_work(), pytest.raises(RunError, match=message), other.at_work():
        pass


def test_another_configuration(tmp_path):
    run = ComparisonFolder(tmp_path)
    run.claim({"seed": 1})
    message = r"holds a comparison with another seed: 1.* use a new folder \(`--out`\)"
    with pytest.raises(RunError, match=message):
        run.claim({"seed": 2})
