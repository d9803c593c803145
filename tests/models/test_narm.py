"""NARM: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.models import narm
from amer_tf.models.next_item import NextItemNetwork
from tests.models.next_item_contract import (
    HISTORIES,
    UNITS,
    NextItemContract,
    embed,
    gru,
    make_spec,
    sigmoid,
    train_on_walks,
    weights,
)


class TestContract(NextItemContract):
    system = narm


class TestContractOfTheWholeHistory(NextItemContract):
    system = narm
    options: ClassVar = {"local_steps": None, "units": 5}


@pytest.mark.parametrize("contract", [TestContract(), TestContractOfTheWholeHistory()])
def test_matches_numpy(contract):
    network = contract.network()
    model = network.model
    found = np.asarray(network.query({"history_item_id": HISTORIES}))
    kernel, context_kernel, score_kernel = weights(model, "attention")
    for query, history in zip(found, HISTORIES, strict=True):
        states = gru(embed(model, history[history > 0]), *weights(model, "gru"))
        local = states if contract.options else states[-3:]
        hidden = sigmoid(local @ kernel + states[-1] @ context_kernel)
        attended = (hidden @ score_kernel * local).sum(axis=0)
        expected = np.concatenate([states[-1], attended]) @ weights(model, "query")[0]
        np.testing.assert_allclose(query, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_learns_the_successor():
    spec = make_spec()
    network = NextItemNetwork(narm.build(spec, embedding_dim=16, dropout=0.1), spec)
    assert train_on_walks(network, epochs=12, learning_rate=0.02) > 0.9


@pytest.mark.parametrize("name", ["local_steps", "units"])
def test_refuses_bad_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer.*{name}=0"):
        narm.build(make_spec(), embedding_dim=UNITS, **{name: 0})
