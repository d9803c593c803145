"""A tiny data set, settings and a space with which a whole search takes seconds."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import pathlib
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

import data_pipelines
from amer_tf.search import behavior_search
from amer_tf.search.settings import Settings
from amer_tf.search.spaces import BehaviorSpace

NUM_ITEMS = 24
NUM_USERS = 44
STEPS = 6
SEED = 3
# Three candidates instead of eleven.
SmallSpace = functools.partial(
    BehaviorSpace, layers=("conv_3", "max_pool_3", "zero"), activations=("relu", "identity")
)
SETTINGS = Settings(
    embedding_dim=8,
    num_blocks=2,
    batch_size=24,
    num_negatives=10,
    num_positives=2,
    supernet_epochs=3,
    supernet_learning_rate=0.02,
    patience=2,
    convergence_users=20,
    num_architectures=8,
    scoring_users=30,
    num_rescored=3,
    num_finalists=2,
    finetune_epochs=1,
    finetune_learning_rate=0.001,
    scratch_epochs=2,
    final_epochs=3,
    learning_rate=0.02,
    validation_negatives=10,
)


@contextlib.contextmanager
def small_and_eager() -> Iterator[None]:
    """Searches in a small space, without compiling anything.

    A whole search then takes seconds: its many models would each be compiled for a few steps.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(behavior_search, "BehaviorSpace", SmallSpace)
        was_eager = tf.config.functions_run_eagerly()  # inside another such block
        tf.config.run_functions_eagerly(True)
        # A search collects garbage after every model, and pytest keeps much that is none.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            tf.config.run_functions_eagerly(was_eager)


def prepare(
    folder: pathlib.Path,
    first_item: int = 1,
    attributes: bool = False,
    user_id_field: bool = False,
) -> data_pipelines.PreparedData:
    """Prepares a made data set in the format of Beauty.txt, where users walk along the items."""
    generator = np.random.default_rng(0)
    lines = []
    for user in range(NUM_USERS):
        steps = generator.integers(1, 3, size=generator.integers(6, 10))
        items = (generator.integers(NUM_ITEMS) + np.cumsum(steps)) % NUM_ITEMS + first_item
        lines.append(" ".join(map(str, [user + 1, *items])))
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "Beauty.txt").write_text("\n".join(lines) + "\n")
    known = {str(item): [item % 5 + 1, item % 3 + 6] for item in range(1, NUM_ITEMS + 1)}
    (source / "Beauty_item2attributes.json").write_text(json.dumps(known))
    fields = "attributes" if attributes else ()
    data_pipelines.prepare(
        "amazon_beauty",
        source,
        folder / "data",
        item_fields=fields,
        max_length=STEPS,
        user_id_field=user_id_field,
    )
    return data_pipelines.load(folder / "data")
