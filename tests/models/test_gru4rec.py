"""GRU4Rec: values by NumPy, causality, its losses, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.models import gru4rec
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.negatives import popularity_weights
from tests.models.next_item_contract import (
    HISTORIES,
    NUM_ITEMS,
    UNITS,
    CausalContract,
    embed,
    gru,
    make_spec,
    train_on_walks,
    weights,
)


class TestContract(CausalContract):
    system = gru4rec

    def expected(self, model, history):
        states = embed(model, history)
        for index in range(self.options.get("num_layers", 1)):
            states = gru(states, *weights(model, f"gru_{index}"))
        return states[-1] @ weights(model, "query")[0] if self.options else states[-1]


class TestContractOfTwoLayers(TestContract):
    options: ClassVar = {"num_layers": 2, "units": 5}


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["bpr_max", "top1_max"])
def test_learns_the_successor(loss):
    spec = make_spec()
    model = gru4rec.build(spec, embedding_dim=16, dropout=0.1)
    accuracy = train_on_walks(
        EveryPositionNetwork(model, spec),
        every_position=True,
        loss=loss,
        negative_weights=popularity_weights(np.arange(NUM_ITEMS) + 1, 0.5),
        learning_rate=0.02,
        epochs=20,
    )
    assert accuracy > 0.9


def test_dropout_in_training_alone():
    spec = make_spec()
    network = NextItemNetwork(gru4rec.build(spec, embedding_dim=UNITS, dropout=0.5), spec)
    inputs = {"history_item_id": HISTORIES}
    np.testing.assert_array_equal(network.query(inputs), network.query(inputs))
    moved = np.asarray(network.query(inputs, training=True) - network.query(inputs))
    assert np.abs(moved).max() > 1e-3


@pytest.mark.parametrize("name", ["num_layers", "units"])
def test_refuses_bad_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer.*{name}=0"):
        gru4rec.build(make_spec(), embedding_dim=UNITS, **{name: 0})
