"""Refuses embedding tables that the machine's memory cannot hold, before anything is trained."""

from __future__ import annotations

from amer_tf.features import FeatureSpec, SpecError
from amer_tf.machine import machine_memory

# The table, two moments of Adam, the best weights so far, and their average.
COPIES = 5
_MOST_ROWS = 2**31 - 1
_BYTES = 4


def require_memory(spec: FeatureSpec, embedding_dim: int) -> None:
    """Raises where the tables of a spec are too large to train.

    Raises:
        SpecError: The message names the largest vocabulary.
    """
    rows = {entry.name: entry.num_rows for entry in spec.vocabularies}
    total, memory = sum(rows.values()), machine_memory()
    needed = total * embedding_dim * _BYTES * COPIES
    if needed <= memory and total <= _MOST_ROWS:
        return
    largest = max(rows, key=lambda name: rows[name])
    raise SpecError(
        f"Training holds {COPIES} copies of the embedding tables, {needed / 2**30:.1f} GiB, and "
        f"there are {memory / 2**30:.1f} GiB of memory: choose a smaller `embedding_dim`, or fewer "
        f"values (min_count, max_size, source: hash). Received: {total:,} values, "
        f"{rows[largest]:,} of them in vocabularies[{largest!r}], embedding_dim={embedding_dim}"
    )
