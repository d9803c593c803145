"""Refuses embedding tables that the machine's memory cannot hold, before anything is trained."""

from __future__ import annotations

from amer_tf.features import FeatureSpec, SpecError
from amer_tf.machine import machine_memory

# The table, two moments of Adam, the best weights so far, and their average.
COPIES = 5
_MOST_ROWS = 2**31 - 1
_BYTES = 4


def require_memory(spec: FeatureSpec, embedding_dim: int, num_crossed: int = 0) -> None:
    """Raises where the tables of a spec are too large to train.

    Args:
        spec: What the models read.
        embedding_dim: Numbers of each row.
        num_crossed: Weights of crossed values, one each, that a system has beside its embeddings.

    Raises:
        SpecError: The message names the largest vocabulary.
    """
    rows = {entry.name: entry.num_rows for entry in spec.vocabularies}
    total, memory = sum(rows.values()), machine_memory()
    needed = (total * embedding_dim + num_crossed) * _BYTES * COPIES
    if needed <= memory and max(total, num_crossed) <= _MOST_ROWS:
        return
    largest = max(rows, key=lambda name: rows[name], default=None)
    crosses = " and of the weights of crosses" if num_crossed else ""
    fewer = ", or smaller `cross_buckets`" if num_crossed else ""
    of_largest = (
        "" if largest is None else f"{rows[largest]:,} of them in vocabularies[{largest!r}], "
    )
    received = f", {num_crossed:,} weights of crosses" if num_crossed else ""
    raise SpecError(
        f"Training holds {COPIES} copies of the embedding tables{crosses}, "
        f"{needed / 2**30:.1f} GiB, and there are {memory / 2**30:.1f} GiB of memory: choose a "
        "smaller `embedding_dim`, or fewer values (min_count, max_size, source: hash)"
        f"{fewer}. Received: {total:,} values, {of_largest}embedding_dim={embedding_dim}{received}"
    )
