"""Caser: values by NumPy, the user's part, learning, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.features import SpecError
from amer_tf.models import caser
from amer_tf.models.next_item import NextItemNetwork
from tests.models.next_item_contract import (
    HISTORIES,
    UNITS,
    NextItemContract,
    embed,
    embed_user,
    make_spec,
    successor_accuracy,
    weights,
)


class TestContract(NextItemContract):
    system = caser

    def expected(self, model, history, user_id=None):
        num_latest = self.options.get("num_latest", 5)
        events = embed(model, np.concatenate([np.zeros(num_latest, int), history])[-num_latest:])
        parts = []
        for height in range(1, num_latest + 1):
            kernel, bias = weights(model, f"horizontal_{height}")  # (height, D, filters)
            windows = [events[start : start + height] for start in range(num_latest - height + 1)]
            found = [np.einsum("td,tdf->f", window, kernel) + bias for window in windows]
            parts.append(np.maximum(found, 0.0).max(axis=0))
        parts.append((events.T @ weights(model, "vertical")[0]).ravel())
        kernel, bias = weights(model, "hidden")
        state = np.maximum(np.concatenate(parts) @ kernel + bias, 0.0)
        return state if user_id is None else state + embed_user(model, user_id)


class TestContractWithUsers(TestContract):
    user = True
    options: ClassVar = {"num_latest": 3, "horizontal_filters": 3, "vertical_filters": 1}


def test_only_the_latest_events_count():
    network = TestContract().network()
    other = HISTORIES.copy()
    other[1, 0] = 17
    first = np.asarray(network.query({"history_item_id": HISTORIES}))
    np.testing.assert_array_equal(network.query({"history_item_id": other}), first)


@pytest.mark.parametrize("named", [None, "user_id"])
def test_a_user_without_history_is_known_by_the_id(named):
    spec = make_spec(user=True)
    model = caser.build(spec, embedding_dim=UNITS, user_field=named)
    inputs = {"history_item_id": np.zeros((2, 6), np.int32), "user_id": np.array([2, 3], np.int32)}
    query = np.asarray(NextItemNetwork(model, spec).query(inputs))
    assert np.abs(query[0] - query[1]).max() > 1e-3


def test_other_fields_stand_beside_the_user():
    network = TestContractWithUsers().network(country=True)
    inputs = TestContractWithUsers().inputs(country=True)
    assert network.model.get_layer("amer.user").output.shape == (None, 2 * UNITS)
    for name in ("country", "user_id"):
        other = {**inputs, name: np.roll(inputs[name], 1)}
        assert np.abs(np.asarray(network.query(other) - network.query(inputs))).max() > 1e-3


@pytest.mark.slow
def test_learns_the_successor():
    assert successor_accuracy(caser, epochs=20) > 0.9


@pytest.mark.parametrize("name", ["num_latest", "horizontal_filters", "vertical_filters"])
def test_refuses_bad_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer.*{name}=0"):
        caser.build(make_spec(), embedding_dim=UNITS, **{name: 0})


@pytest.mark.parametrize("name", ["country", "history_item_id"])
def test_refuses_a_field_that_is_no_user(name):
    message = rf"`user_field` must name.*\['user_id'\].*user_field='{name}'"
    with pytest.raises(SpecError, match=message):
        caser.build(make_spec(user=True), embedding_dim=UNITS, user_field=name)
