"""SASRec: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.models import transformer
from amer_tf.models.next_item import NextItemNetwork
from tests import helpers
from tests.models.next_item_contract import (
    CATALOG,
    HISTORIES,
    NUM_ITEMS,
    UNITS,
    NextItemContract,
    embed,
    layer_norm,
    make_spec,
    softmax,
    train_on_walks,
    weights,
)


class TestContract(NextItemContract):
    system = transformer
    scale, rtol = 1.0, 1e-3

    def expected(self, model, history):
        (recency,) = weights(model, "recency")
        states = embed(model, history) + recency[: len(history)][::-1]
        unseen = np.triu(np.full((len(history), len(history)), -np.inf), 1)
        for index in range(2):

            def part(name, index=index):
                return weights(model, f"block_{index}.{name}")

            normalized = layer_norm(states, *part("attention_normalization"))
            *of_states, output, bias = part("attention")
            queries, keys, values = (
                np.einsum("td,dhk->htk", normalized, kernel) + of_head[:, None]
                for kernel, of_head in zip(of_states[::2], of_states[1::2], strict=True)
            )
            scores = np.einsum("htk,hsk->hts", queries, keys) / np.sqrt(UNITS // 2)
            heads = softmax(scores + unseen) @ values
            states = states + np.einsum("htk,hkd->td", heads, output) + bias
            hidden = layer_norm(states, *part("feed_forward_normalization"))
            (kernel, bias), (output, output_bias) = part("hidden"), part("output")
            states = states + np.maximum(hidden @ kernel + bias, 0) @ output + output_bias
        return layer_norm(states, *weights(model, "causal_states"))[-1]

    def test_the_item_side_is_the_same_embeddings(self):
        model = self.network().model
        assert sum(weight.shape == (NUM_ITEMS, UNITS) for weight in model.weights) == 1

    def test_order_matters(self):
        network = self.network()
        other = {"history_item_id": HISTORIES[:, [1, 0, 2, 3, 4, 5]]}
        moved = np.abs(np.asarray(network.query(other) - network.query(self.inputs())))
        assert moved[:2].max(axis=1).min() > 1e-3


def test_a_step_does_not_see_newer_ones():
    # Ages are counted from the newest event, so both histories are equally long.
    model = TestContract().network().model
    states = keras.Model(model.inputs[0], model.get_layer("amer.causal_states").output)
    other = HISTORIES.copy()
    other[0, 2] = 8
    first, second = np.asarray(states(HISTORIES)), np.asarray(states(other))
    np.testing.assert_allclose(first[0, :2], second[0, :2], rtol=1e-5, atol=1e-6)
    assert np.abs(first[0, 2] - second[0, 2]).max() > 1e-3
    assert not first[0, 3:].any()


def test_attributes_come_from_the_catalog():
    spec = make_spec(attributes=True)
    queries = []
    for catalog in (CATALOG, np.roll(CATALOG, 1, axis=0)):
        model = transformer.build(spec, embedding_dim=UNITS, catalog=catalog)
        helpers.fix_weights(model)
        queries.append(NextItemNetwork(model, spec).query({"history_item_id": HISTORIES}))
    assert np.abs(np.asarray(queries[0] - queries[1])).max() > 1e-3


@pytest.mark.slow
def test_learns_the_successor():
    spec = make_spec()
    network = NextItemNetwork(transformer.build(spec, embedding_dim=16, dropout=0.1), spec)
    assert train_on_walks(network, epochs=15) > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3}, "divide the units.*num_heads=3, units=8"),
        ({"num_heads": 0}, "divide the units.*num_heads=0"),
        ({"num_blocks": 0}, "positive integer.*num_blocks=0"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        transformer.build(make_spec(), embedding_dim=UNITS, **arguments)
