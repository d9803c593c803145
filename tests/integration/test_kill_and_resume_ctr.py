"""Steps 2 and 3, killed in any phase, end with what an undisturbed run ends with."""

from __future__ import annotations

import pathlib
import random

import pytest

from tests.integration.processes import (
    finish,
    kill_when,
    phase_is_running,
    start,
    without_time,
)
from tests.search import small_ctr_run

# Long enough to be met while it runs.
SETTINGS = small_ctr_run.TUNED.replace(
    batch_size=24, round_epochs=4, mlp_epochs=6, num_mlps=90, final_epochs=8, patience=8
)
PHASES = (
    "prior_precision_dnn_30",
    "interaction_round_0",
    "interaction_round_1",
    "num_interactions_amer_1",
    "mlp_supernet",
    "mlp_scoring",
    "finetuning_0",
    "scratch_0",
    "reference_dcn",
)

pytestmark = pytest.mark.slow


def search(folder: pathlib.Path, run: str) -> tuple[str, ...]:
    changes = [
        f"--set={name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in SETTINGS.to_dict().items()
    ]
    return ("search", f"--data_dir={folder / 'data'}", f"--run_dir={folder / run}", *changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the data, an undisturbed run, and one that was killed again and again."""
    folder = tmp_path_factory.mktemp("runs")
    small_ctr_run.prepare(folder)
    finish(start(*search(folder, "undisturbed")))
    moments, run = random.Random(0), folder / "killed"
    for phase in PHASES:
        process = start(*search(folder, "killed"))
        assert kill_when(process, phase_is_running(run, phase), moments.uniform(0.0, 0.1)), phase
    finish(start(*search(folder, "killed")))
    return folder


def test_the_trials_are_the_same(folder):
    undisturbed = (folder / "undisturbed" / "trials.jsonl").read_bytes()
    assert undisturbed.count(b"\n") > 90
    assert (folder / "killed" / "trials.jsonl").read_bytes() == undisturbed


def test_the_architecture_and_the_metrics_are_the_same(folder):
    one, other = (folder / run for run in ("undisturbed", "killed"))
    assert (one / "architecture.json").read_bytes() == (other / "architecture.json").read_bytes()
    assert without_time(one / "metrics.json") == without_time(other / "metrics.json")


def test_nothing_is_left_over(folder):
    names = [
        sorted(str(file.relative_to(folder / run)) for file in (folder / run).rglob("*"))
        for run in ("undisturbed", "killed")
    ]
    assert names[0] == names[1]
