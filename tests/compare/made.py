"""A comparison whose results are made up: nothing is trained."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from amer_tf.compare.job import RECORD_FILE, TEST_FILE
from amer_tf.compare.result import METRICS, ComparisonResult
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.settings import Settings
from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.ranking_metrics import per_user
from tests.models.ctr_contract import SPEC
from tests.search import nets

NUM_ROWS = 400
# How much each system knows of the labels.
SKILLS = {"amer-23": 1.0, "deepfm": 0.7, "lr": 0.3}
# How many items each system sets before the true one, by candidates.
PLACES = {"amer-1": {"uniform": 1, "full": 0}, "ease": {"uniform": 0, "full": 1}}


def comparison(
    folder: pathlib.Path, skills: dict[str, float] = SKILLS, num_seeds: int = 2, **config: Any
) -> ComparisonResult:
    """Results of systems of such skills; one of skill 0 has failed."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, size=NUM_ROWS).astype("float64")
    records = []
    for name, skill in skills.items():
        for seed in range(num_seeds):
            run = folder / name / f"seed_{seed}"
            run.mkdir(parents=True)
            logits = skill * (2 * labels - 1) + generator.normal(size=NUM_ROWS)
            with (run / TEST_FILE).open("wb") as stream:
                np.savez(stream, labels=labels, logits=logits)
            record = {
                "system": name,
                "seed": seed,
                "status": "done",
                "score": 0.7,
                "test": evaluate_binary(labels, logits),
                "parameters": 1000 + seed,
                "seconds": 90.0,
                "changed": {},
                "latency_ms": {"1": 1.5, "256": 20.25},
                "run_dir": f"{name}/seed_{seed}",
            }
            if not skill:
                record = {**record, "status": "failed", "reason": "The loss is <NaN>."}
            records.append(record)
            (run / RECORD_FILE).write_text(json.dumps(record))
    (folder / "results.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    recipe = {
        "version": "1.0",
        "systems": list(skills),
        "seeds": list(range(num_seeds)),
        "time_limit": 600.0,
        "settings": CtrSettings().to_dict(),
        "candidates": {"modes": ["uniform"], "num_negatives": 100, "seed": 0},
        "tuning_trials": 0,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(recipe))
    SPEC.save(folder)
    return ComparisonResult(folder)


def ranking(folder: pathlib.Path, places: dict[str, dict[str, int]] = PLACES) -> ComparisonResult:
    """Results of task next_item, of one seed and ten users; each has the true item at one place."""
    records = []
    for name, by_mode in places.items():
        run = folder / name / "seed_0"
        run.mkdir(parents=True)
        arrays: dict[str, Any] = {}
        test: dict[str, Any] = {}
        for mode, place in by_mode.items():
            greater, ties = np.full(10, place), np.zeros(10, np.int64)
            arrays |= {f"{mode}.greater": greater, f"{mode}.ties": ties}
            test[mode] = {
                metric: float(per_user(metric, greater, ties).mean())
                for metric in METRICS["next_item"]
            }
        with (run / TEST_FILE).open("wb") as stream:
            np.savez(stream, **arrays)
        records.append(
            {
                "system": name,
                "seed": 0,
                "status": "done",
                "score": 0.1,
                "test": test,
                "seconds": 9.0,
                "changed": {},
                "latency_ms": None,
                "run_dir": f"{name}/seed_0",
            }
        )
    (folder / "results.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    config = {
        "version": "1.0",
        "systems": list(places),
        "seeds": [0],
        "time_limit": None,
        "settings": Settings().to_dict(),
        "candidates": {"modes": ["uniform", "full"], "num_negatives": 100, "seed": 0},
        "tuning_trials": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    nets.next_item_spec().save(folder)
    return ComparisonResult(folder)


def change_tests(result: ComparisonResult, name: str, change: Callable[[Any], Any]) -> None:
    """Other metrics of the test split of a system."""
    for record in result.records:
        if record["system"] == name:
            record["test"] = change(record["test"])
