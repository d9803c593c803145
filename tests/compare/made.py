"""A comparison whose results are made up: nothing is trained."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np

from amer_tf.compare.job import RECORD_FILE, TEST_FILE
from amer_tf.compare.result import ComparisonResult
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.training.binary_metrics import evaluate_binary
from tests.models.ctr_contract import SPEC

NUM_ROWS = 400
# How much each system knows of the labels.
SKILLS = {"amer-23": 1.0, "deepfm": 0.7, "lr": 0.3}


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
