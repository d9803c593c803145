"""BPR: values by hand, learning, users, and the contract of every system."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import SpecError
from amer_tf.models import bpr
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.next_item import NextItemTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests.models.next_item_contract import (
    NUM_ITEMS,
    UNITS,
    NextItemContract,
    embed_user,
    make_spec,
)


class TestContract(NextItemContract):
    system = bpr
    user = True
    reads_history = False

    def expected(self, model, history, user_id):
        return embed_user(model, user_id)

    def test_all_weights_are_embeddings(self):
        (table,) = self.network(country=True).model.weights
        assert table.shape[1] == UNITS


def test_ids_outside_the_vocabulary_share_the_row_of_unknown_users():
    contract = TestContract()
    unknown = {**contract.inputs(), "user_id": np.array([1, 77, 1, 77], np.int32)}
    queries = np.asarray(contract.network().query(unknown))
    np.testing.assert_array_equal(queries[0], queries[1])


def test_learns_what_each_user_takes():
    # User u takes the items 2 + u, 6 + u, 10 + u ...
    spec = make_spec(user=True)
    network = NextItemNetwork(bpr.build(spec, embedding_dim=UNITS, l2=1e-4), spec)
    trainer = NextItemTrainer(network, NUM_ITEMS, loss="bpr")
    trainer.compile(optimizer=RowSparseAdam(0.05), jit_compile=False)
    generator = np.random.default_rng(0)
    users = generator.integers(0, 4, size=(512, 1))
    taken = 2 + users + 4 * generator.integers(0, 7, size=(512, 2))
    others = 2 + (users + generator.integers(1, 4, size=(512, 3))) % 4
    others = others + 4 * generator.integers(0, 7, size=(512, 3))
    inputs = {
        "history_item_id": np.zeros((512, 6), np.int32),
        "user_id": (users[:, 0] + 2).astype("int32"),
    }
    labels = {"positives": taken.astype("int32"), "negatives": others.astype("int32")}
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(64)
    trainer.fit(batches, epochs=6, shuffle=False, verbose=0)
    vectors = np.asarray(network.item_vectors(np.arange(2, 30)))
    ids = {"history_item_id": np.zeros((4, 6), np.int32), "user_id": np.arange(2, 6, dtype="int32")}
    best = np.argsort(-np.asarray(network.query(ids)) @ vectors.T, axis=1)[:, :7]
    np.testing.assert_array_equal(best % 4, np.tile(np.arange(4)[:, None], (1, 7)))


@pytest.mark.parametrize("fields", [{}, {"country": True}])
def test_refuses_a_spec_without_a_user(fields):
    message = r"the spec needs a categorical profile field.*group=None, profile=\[.*\]"
    with pytest.raises(SpecError, match=message):
        bpr.build(make_spec(**fields))
