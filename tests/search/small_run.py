"""A tiny real data set and settings with which a whole search takes seconds."""

from __future__ import annotations

import functools
import pathlib

import numpy as np

import data_pipelines
from amer_tf.search.settings import Settings
from amer_tf.search.spaces import BehaviorSpace

NUM_ITEMS = 130
NUM_USERS = 70
# Three candidates instead of eleven: whatever is compiled is compiled in a quarter of the time.
SmallSpace = functools.partial(
    BehaviorSpace, layers=("conv_3", "max_pool_3", "zero"), activations=("relu", "identity")
)
SETTINGS = Settings(
    embedding_dim=8,
    num_blocks=2,
    batch_size=24,
    num_negatives=10,
    supernet_epochs=3,
    supernet_learning_rate=0.01,
    patience=2,
    convergence_users=20,
    num_architectures=8,
    scoring_users=40,
    num_rescored=3,
    num_finalists=2,
    finetune_epochs=1,
    scratch_epochs=2,
    final_epochs=2,
    learning_rate=0.01,
)


def prepare(folder: pathlib.Path) -> pathlib.Path:
    """Writes and prepares a data set in the format of Beauty.txt; users walk along the items."""
    generator = np.random.default_rng(0)
    lines = []
    for user in range(NUM_USERS):
        steps = generator.integers(1, 3, size=generator.integers(20, 30))
        items = (generator.integers(NUM_ITEMS) + np.cumsum(steps)) % NUM_ITEMS + 1
        lines.append(" ".join(map(str, [user + 1, *items])))
    source = folder / "source"
    source.mkdir()
    (source / "Beauty.txt").write_text("\n".join(lines) + "\n")
    data_pipelines.prepare("amazon_beauty", source, folder / "data")
    return folder / "data"
