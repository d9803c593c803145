"""All item vectors, some at a time."""

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.training import item_vectors
from amer_tf.training.item_vectors import all_item_vectors

TABLE = np.random.default_rng(0).normal(size=(23, 3))


@pytest.mark.parametrize("rows", [1, 7, 23, 24])
def test_chunks_make_up_the_whole(rows, monkeypatch):
    monkeypatch.setattr(item_vectors, "_ROWS_PER_CALL", rows)
    sizes = set()

    def vectors(ids):
        sizes.add((len(ids), ids.dtype.name))
        return tf.gather(TABLE, ids)

    found = all_item_vectors(vectors, 23)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, TABLE, rtol=1e-6)
    # Of one size, so that a compiled function is traced once.
    assert sizes == {(min(rows, 23), "int32")}


def test_padding_fills_up_the_last_chunk(monkeypatch):
    monkeypatch.setattr(item_vectors, "_ROWS_PER_CALL", 4)
    asked = []
    all_item_vectors(lambda ids: asked.append(ids.numpy().tolist()) or tf.gather(TABLE, ids), 6)
    assert asked == [[0, 1, 2, 3], [4, 5, 0, 0]]
