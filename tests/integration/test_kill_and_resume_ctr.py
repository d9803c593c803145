"""Searches of task ctr, killed at any moment, end with what an undisturbed run ends with."""

from __future__ import annotations

import json
import pathlib
import random
import shutil
from collections.abc import Callable

import pytest

from amer_tf.search.ctr_settings import CtrSettings
from tests.integration.processes import (
    finish,
    kill_when,
    phase_is_running,
    start,
    without_time,
)
from tests.search import small_ctr_run, small_hybrid_run

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
    "reference_deepfm",
)

NUM_MOMENTS = 20
HYBRID_SETTINGS = small_hybrid_run.SETTINGS.replace(
    batch_size=24, behavior_epochs=3, round_epochs=3, mlp_epochs=3, num_behaviors=48, num_mlps=60,
    final_epochs=4, patience=4, references=("dnn",), sampler="evolution",
)  # fmt: skip

pytestmark = pytest.mark.slow


def search(folder: pathlib.Path, run: str, settings: CtrSettings) -> tuple[str, ...]:
    changes = [
        f"--set={name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in settings.to_dict().items()
    ]
    return ("search", f"--data_dir={folder / 'data'}", f"--run_dir={folder / run}", *changes)


def progress(run: pathlib.Path) -> int:
    """How much of a run is done: epochs, groups and phases that are recorded, and trials."""
    phases, trials = run / "phases.json", run / "trials.jsonl"
    # The file is replaced whole, so it can be read at any moment.
    records = json.loads(phases.read_text()).values() if phases.exists() else ()
    counts = [
        sum(int(record.get(name, 0)) for name in ("epoch", "groups", "done")) for record in records
    ]
    return sum(counts) + (trials.read_bytes().count(b"\n") if trials.exists() else 0)


def has_come_to(run: pathlib.Path, wanted: int) -> Callable[[], bool]:
    return lambda: progress(run) >= wanted


def kill_in_every_phase(folder: pathlib.Path) -> None:
    """Steps 2 and 3 on rows without a history."""
    small_ctr_run.prepare(folder)
    finish(start(*search(folder, "undisturbed", SETTINGS)))
    moments, run = random.Random(0), folder / "killed"
    for phase in PHASES:
        process = start(*search(folder, "killed", SETTINGS))
        assert kill_when(process, phase_is_running(run, phase), moments.uniform(0.0, 0.1)), phase
    finish(start(*search(folder, "killed", SETTINGS)))


def kill_at_random_moments(folder: pathlib.Path) -> None:
    """All three steps."""
    small_hybrid_run.prepare(folder)
    finish(start(*search(folder, "undisturbed", HYBRID_SETTINGS)))
    moments, run = random.Random(0), folder / "killed"
    whole = progress(folder / "undisturbed")
    # Of all moments, the last ones too, at which a process may be gone before it is killed: such
    # a moment is tried once more from the state before.
    for wanted in sorted(moments.sample(range(whole), NUM_MOMENTS)):
        before = folder / "before"
        shutil.rmtree(before, ignore_errors=True)
        if run.exists():
            shutil.copytree(run, before)
        for delay in (moments.uniform(0.0, 0.2), 0.0):
            process = start(*search(folder, "killed", HYBRID_SETTINGS))
            if kill_when(process, has_come_to(run, wanted), delay):
                break
            shutil.rmtree(run)
            shutil.copytree(before, run)
        else:
            pytest.fail(f"The run ended before it was killed at {wanted} of {whole}.")
    finish(start(*search(folder, "killed", HYBRID_SETTINGS)))


@pytest.fixture(scope="module", params=[kill_in_every_phase, kill_at_random_moments])
def folder(tmp_path_factory, request):
    """A folder with the data, an undisturbed run, and one that was killed again and again."""
    folder = tmp_path_factory.mktemp("runs")
    request.param(folder)
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
