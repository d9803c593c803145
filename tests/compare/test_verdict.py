"""Who is first, and what that rests on."""

from __future__ import annotations

import json
import re

import numpy as np

from amer_tf.compare.result import ComparisonResult
from amer_tf.compare.verdict import verdict
from tests.compare import made


def test_a_reference_that_is_ahead_is_named_first(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 0.2, "deepfm": 1.0, "lr": 0.6})
    text = verdict(result)
    gain = result.difference(result.systems[0], result.systems[2], "auc")
    assert text.startswith("DeepFM is first: AUC 0.9")
    assert f"It is {gain.value:.4f} ahead of AMER-23 (standard error {gain.error:.4f}," in text
    assert text.endswith("more than chance.")


def test_one_run_and_failures_are_part_of_the_verdict(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 1.0, "deepfm": 0.5, "fm": 0.0}, num_seeds=1)
    text = verdict(result)
    assert "Runs that failed, and do not count: of FM." in text
    assert text.endswith("how much its seed gave it: another one may give another order.")
    assert "another one" not in verdict(made.comparison(tmp_path / "two"))


def test_trainings_that_a_limit_ended_are_named(tmp_path):
    made.comparison(tmp_path)
    file = tmp_path / "results.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        if (record["system"], record["seed"]) == ("lr", 1):
            record["cut_after"] = 3
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    text = verdict(ComparisonResult(tmp_path))
    assert "The time limit ended trainings of LR: to their end they may be better." in text


def test_who_is_first_by_another_metric(tmp_path):
    """The first by AUC has a log loss that was made up, and is worse."""
    result = made.comparison(tmp_path, {"amer-23": 0.6, "deepfm": 0.55})
    assert "On the same rows" not in verdict(result)
    made.change_tests(result, "amer-23", lambda test: {**test, "log_loss": 2.0})
    first, second = result.systems
    assert first.name == "amer-23"
    gain = result.difference(second, first, "log_loss")
    value = np.mean(second.values("log_loss"))
    how = "more than chance" if gain.p_value < 0.05 else "maybe chance"
    assert (
        f"On the same rows DeepFM is first by log loss ({value:.4f}, AMER-23 2.0000; "
        f"p = {gain.p_value:.2g}, {how})." in verdict(result)
    )


def test_who_is_first_among_other_candidates(tmp_path):
    """Of second places NDCG@5 is 1 / log2(3), HR@1 0 and MRR a half; HR@5 is 1 for both."""
    result = made.ranking(tmp_path)
    text = verdict(result)
    assert text.startswith("EASE is first: NDCG@5 among random items 1.0000 on the test split, one")
    assert (
        "Among the whole catalogue AMER-1 is first by NDCG@5 (1.0000, EASE 0.6309; p < 1e-9, more "
        "than chance), by HR@1 (1.0000, EASE 0.0000; p < 1e-9, more than chance), by MRR (1.0000, "
        "EASE 0.5000; p < 1e-9, more than chance)." in text
    )
    assert text.count(" is first") == 2


def test_what_may_be_chance_is_said_to_be(tmp_path):
    result = made.comparison(tmp_path, {"amer-23": 0.5, "deepfm": 0.5})
    assert verdict(result).endswith("which may be chance.")
    [p] = re.findall(r"p = ([0-9.]+)", verdict(result))
    assert float(p) > 0.05


def test_a_single_run_of_a_single_system(tmp_path):
    text = verdict(made.comparison(tmp_path, {"lr": 1.0}, num_seeds=1))
    assert re.match(r"LR is first: AUC 0\.\d{4} on the test split, one run\. Of one", text)
