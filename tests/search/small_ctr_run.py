"""A tiny table and settings with which a whole search of task ctr takes seconds."""

from __future__ import annotations

import pathlib
from typing import Any

import data_pipelines
from amer_tf import AmerSearch
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.result import SearchResult
from data_pipelines.planted import PlantedSpec, generate

SEED = 3
# Those that read a table: DIN needs a behaviour.
REFERENCES = ("dnn", "deepfm", "lightgbm")
SETTINGS = CtrSettings(
    embedding_dim=4,
    batch_size=240,
    epoch_steps=1,
    prior_precisions=(3.0,),
    hidden_units=(8, 8),
    rounds=2,
    round_epochs=2,
    round_learning_rate=0.01,
    search_units=(8,),
    num_screened=5,
    screening_rows=300,
    scoring_rows=100,
    mlp_scoring_rows=100,
    num_kept=4,
    num_interactions=3,
    min_interactions=3,
    max_order=3,
    mlp_layers=2,
    mlp_epochs=2,
    num_mlps=20,
    num_rescored=2,
    final_epochs=2,
    learning_rate=0.01,
    patience=1,
    references=REFERENCES,
)

# Nothing above is tried out before it is taken; here the prior and the number of interactions are.
TUNED = SETTINGS.replace(prior_precisions=(3.0, 30.0), min_interactions=1, tuning_rows=200)


def prepare(folder: pathlib.Path) -> data_pipelines.PreparedData:
    """Planted data: 600 rows of four fields and a number."""
    spec = PlantedSpec(
        num_rows=600, num_fields=4, num_numbers=1, num_pairs=2, num_triples=1, strength=1.0
    )
    generate(folder / "source", spec)
    data_pipelines.prepare(folder / "source" / "planted.json", None, folder / "data")
    return data_pipelines.load(folder / "data")


def search(data: data_pipelines.PreparedData, folder: pathlib.Path, **options: Any) -> AmerSearch:
    """A search of those data with these settings, or with others."""
    return AmerSearch(data.spec, folder, **{"settings": SETTINGS, "seed": SEED, **options})


def of_kind(result: SearchResult, kind: str) -> list[dict[str, Any]]:
    """The trials of one kind."""
    return [trial for trial in result.run.trials() if trial["kind"] == kind]
