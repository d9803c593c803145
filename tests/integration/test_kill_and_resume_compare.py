"""Comparisons, killed while they tune, and while they grow, end as if made at once."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest

from amer_tf.compare import ComparisonResult
from tests.integration.processes import finish, kill_when, phase_is_running, start
from tests.search import small_ctr_run

# Long enough to be met while it runs.
SETTINGS = small_ctr_run.SETTINGS.replace(batch_size=24, final_epochs=8, patience=8)
TIMED = ("seconds", "latency_ms")
PATIENCE = 900.0  # seconds: a comparison is many processes, one after another

pytestmark = pytest.mark.slow


def compare(folder: pathlib.Path, out: str, models: str, runs: int) -> subprocess.Popen[str]:
    known = SETTINGS.to_dict()
    del known["references"]
    changes = [
        f"--set={name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in known.items()
    ]
    return start(
        "compare", f"--data_dir={folder / 'data'}", f"--out={folder / out}", f"--models={models}",
        f"--runs={runs}", "--tune=2", "--tune_set=learning_rate=0.02,0.005",
        "--set=fm@wide.embedding_dim=6", *changes,
    )  # fmt: skip


def lines(out: pathlib.Path) -> list[dict[str, Any]]:
    """What does not depend on the time."""
    texts = (out / "results.jsonl").read_text().splitlines()
    records = [json.loads(text) for text in texts]
    return [{key: of[key] for key in of if key not in TIMED} for of in records]


def test_killed_it_ends_as_if_it_had_not_been(tmp_path):
    small_ctr_run.prepare(tmp_path)
    finish(compare(tmp_path, "undisturbed", "fm@wide,lr", runs=2), PATIENCE)

    out = tmp_path / "killed"
    first = compare(tmp_path, "killed", "fm@wide", runs=1)
    assert kill_when(first, phase_is_running(out / "fm@wide" / "trial_1", "reference_fm"), 0.0)
    assert not (out / "results.jsonl").exists()
    finish(compare(tmp_path, "killed", "fm@wide", runs=1), PATIENCE)
    before = lines(out)
    assert [line["system"] for line in before] == ["fm@wide"]

    # It grows, and is killed between the record of that and the first new result.
    grown = compare(tmp_path, "killed", "fm@wide,lr", runs=2)
    assert kill_when(grown, lambda: "lr" in ComparisonResult(out).config["systems"], 0.0)
    assert lines(out) == before
    [_, added] = ComparisonResult(out).systems
    assert (added.name, added.records, added.failures) == ("lr", [], {})
    again = compare(tmp_path, "killed", "fm@wide,lr", runs=2)
    assert kill_when(again, phase_is_running(out / "lr" / "trial_1", "reference_lr"), 0.0)
    result = finish(compare(tmp_path, "killed", "fm@wide,lr", runs=2), PATIENCE)

    undisturbed = tmp_path / "undisturbed"
    assert lines(out) == lines(undisturbed)
    for name in ("tuning.json", "config.json"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()
    assert {row["system"] for row in result["systems"]} == {"fm@wide", "lr"}
    for name, trials in ComparisonResult(out).trials.items():
        assert len(trials) == 2
        # The wide one keeps its own size of embeddings.
        assert trials[1].changed.keys() == {"learning_rate", "l2"}, name
