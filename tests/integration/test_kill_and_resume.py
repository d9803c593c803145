"""Killed in any phase, the same commands end with what an undisturbed run ends with.

The processes are real, compiled and killed with SIGKILL; only the space and the data are small.
"""

from __future__ import annotations

import functools
import json
import pathlib
import random

import pytest
import tensorflow as tf

from tests.integration import processes
from tests.integration.processes import finish, kill_when, phase_is_running, without_time
from tests.search import small_run

SETTINGS = {
    "embedding_dim": 8,
    "num_blocks": 2,
    "batch_size": 24,
    "num_negatives": 10,
    "num_positives": 2,
    "supernet_epochs": 12,
    "supernet_learning_rate": 0.02,
    "patience": 12,
    "convergence_users": 20,
    "num_architectures": 90,
    "scoring_users": 30,
    "num_rescored": 3,
    "num_finalists": 1,
    "finetune_epochs": 6,
    "finetune_learning_rate": 0.001,
    "scratch_epochs": 8,
    "final_epochs": 4,
    "learning_rate": 0.02,
    "validation_negatives": 10,
}

pytestmark = pytest.mark.slow


start = functools.partial(processes.start, program="tests.integration.small_amer")


def search(folder: pathlib.Path, run: str) -> tuple[str, ...]:
    changes = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    return ("search", f"--data_dir={folder / 'data'}", f"--run_dir={folder / run}", *changes)


def export(folder: pathlib.Path, run: str) -> tuple[str, ...]:
    target = folder / f"serving_of_{run}" / "1"
    return ("export", f"--run_dir={folder / run}", f"--export_dir={target}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the data, and with an undisturbed run and its export."""
    folder = tmp_path_factory.mktemp("runs")
    small_run.prepare(folder)
    finish(start(*search(folder, "undisturbed")))
    finish(start(*export(folder, "undisturbed")))
    return folder


@pytest.fixture(scope="module")
def killed(folder):
    """The phases in which the run "killed" was killed before it was left to finish."""
    moments = random.Random(0)
    run = folder / "killed"
    in_time = []
    for phase in ("supernet", "scoring", "finetuning_0", "scratch_0", "transformer"):
        process = start(*search(folder, "killed"))
        if kill_when(process, phase_is_running(run, phase), moments.uniform(0.0, 0.15)):
            in_time.append(phase)
    finish(start(*search(folder, "killed")))
    return in_time


def test_every_kill_came_in_time(killed):
    assert killed == ["supernet", "scoring", "finetuning_0", "scratch_0", "transformer"]


def test_the_trials_are_the_same(folder, killed):
    undisturbed = (folder / "undisturbed" / "trials.jsonl").read_bytes()
    assert undisturbed.count(b"\n") > 90
    assert (folder / "killed" / "trials.jsonl").read_bytes() == undisturbed


def test_the_architecture_and_the_metrics_are_the_same(folder, killed):
    one, other = (folder / run for run in ("undisturbed", "killed"))
    assert (one / "architecture.json").read_bytes() == (other / "architecture.json").read_bytes()
    assert without_time(one / "metrics.json") == without_time(other / "metrics.json")


def test_nothing_is_left_over(folder, killed):
    names = [
        sorted(str(file.relative_to(folder / run)) for file in (folder / run).rglob("*"))
        for run in ("undisturbed", "killed")
    ]
    assert names[0] == names[1]


def test_a_killed_export_starts_over(folder, killed):
    """The weights, vocabularies and architecture are those of the undisturbed run's export."""
    target = folder / "serving_of_killed" / "1"
    process = start(*export(folder, "killed"))
    begun = kill_when(
        process,
        lambda: target.parent.is_dir() and any(target.parent.iterdir()),
        random.Random(1).uniform(0.0, 0.3),
    )
    assert begun
    assert not target.exists()
    finish(start(*export(folder, "killed")))
    assert list(target.parent.iterdir()) == [target]
    manifests = [
        json.loads((folder / f"serving_of_{run}" / "1" / "export.json").read_text())
        for run in ("undisturbed", "killed")
    ]
    assert manifests[0]["digest"] == manifests[1]["digest"]
    recommend = tf.saved_model.load(str(target)).signatures["recommend"]
    answer = recommend(
        history_item_id=tf.constant([[1, 2]], tf.int64),
        exclude_seen=tf.constant(True),
        k=tf.constant(3),
    )
    assert answer["item_id"].shape == (1, 3)


def test_a_run_without_disturbance_gives_the_same_trials_again(folder):
    finish(start(*search(folder, "again")))
    for name in ("trials.jsonl", "architecture.json"):
        files = [folder / run / name for run in ("undisturbed", "again")]
        assert files[0].read_bytes() == files[1].read_bytes()
