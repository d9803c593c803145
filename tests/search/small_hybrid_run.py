"""A tiny table with a behaviour, and settings with which all three steps take seconds."""

from __future__ import annotations

import contextlib
import csv
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import data_pipelines
from amer_tf import AmerSearch
from amer_tf.search import ctr_behavior_search
from amer_tf.search.ctr_settings import CtrSettings
from tests.search import small_ctr_run

NUM_ROWS = 400
STEPS = 5
# Four candidates instead of twelve.
LAYERS = ("conv_3", "target_attention", "max_pool_3", "zero")
SETTINGS = small_ctr_run.SETTINGS.replace(
    num_blocks=2,
    behavior_units=(8, 6),
    behavior_epochs=2,
    behavior_learning_rate=0.01,
    behavior_convergence_rows=40,
    num_behaviors=12,
    behavior_scoring_rows=60,
    num_finalists=2,
    num_screened=3,
    num_kept=2,
    num_interactions=2,
    min_interactions=2,
    rounds=1,
    round_epochs=1,
    mlp_epochs=1,
    final_epochs=2,
    references=("dnn", "deepfm", "din"),
)
EVOLUTION = SETTINGS.replace(sampler="evolution", num_behaviors=24)

DESCRIPTION: dict[str, Any] = {
    "name": "ads",
    "task": "ctr",
    "files": {"events": "ads.csv"},
    "label": "click",
    "max_length": STEPS,
    "fields": [
        {"name": "user", "role": "profile"},
        {"name": "ad", "role": "target", "vocabulary": "ad"},
        {"name": "history", "role": "behavior", "vocabulary": "ad", "behavior_of": "ad"},
        {"name": "hour", "role": "context"},
        {"name": "price", "kind": "numeric", "role": "context"},
    ],
    "split": {"kind": "random", "seed": 1},
}


def prepare(folder: pathlib.Path) -> data_pipelines.PreparedData:
    """Rows in which an ad that stands in the history is clicked more often; some have none."""
    generator = np.random.default_rng(0)
    rows = []
    for row in range(NUM_ROWS):
        history = generator.integers(0, 9, size=row % (STEPS + 2))
        ad = generator.integers(0, 9)
        chance = 0.8 if ad in history else 0.3
        rows.append(
            {
                "user": f"u{row % 13}",
                "ad": f"a{ad}",
                "history": "|".join(f"a{item}" for item in history),
                "hour": str(row % 7),
                "price": str(row % 5),
                "click": str(int(generator.random() < chance)),
            }
        )
    source = folder / "source"
    source.mkdir(parents=True)
    with (source / "ads.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (source / "ads.json").write_text(json.dumps(DESCRIPTION))
    data_pipelines.prepare(source / "ads.json", None, folder / "data")
    return data_pipelines.load(folder / "data")


@contextlib.contextmanager
def few_layers() -> Iterator[None]:
    """Blocks are searched among `LAYERS`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ctr_behavior_search, "layer_candidates", lambda spec: LAYERS)
        yield


def search(
    data: data_pipelines.PreparedData,
    folder: pathlib.Path,
    settings: CtrSettings = SETTINGS,
    **options: Any,
) -> AmerSearch:
    """A search of those data with these settings, or with others."""
    return AmerSearch(
        data.spec, folder, **{"settings": settings, "seed": small_ctr_run.SEED, **options}
    )
