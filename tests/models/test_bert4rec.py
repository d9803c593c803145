"""BERT4Rec: values by NumPy, Cloze training, and the contract of every system."""

from __future__ import annotations

import math
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.models import bert4rec
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.next_item import NextItemTrainer
from tests.models.next_item_contract import (
    HISTORIES,
    NUM_ITEMS,
    UNITS,
    NextItemContract,
    embed,
    layer_norm,
    make_spec,
    softmax,
    train_on_walks,
    walks,
    weights,
)
from tests.search import small_run


def gelu(values):
    return values * 0.5 * (1.0 + np.vectorize(math.erf)(values / math.sqrt(2.0)))


class TestContract(NextItemContract):
    system = bert4rec
    scale = 1.0
    rtol = 1e-3

    def expected(self, model, history):
        """The query of the token after the history."""
        num_blocks, num_heads = (1, 2) if self.options else (2, 4)
        (token,) = weights(model, "token")
        (recency,) = weights(model, "recency")
        steps = len(history) + 1
        states = np.concatenate([embed(model, history), token[None]]) + recency[:steps][::-1]
        for index in range(num_blocks):

            def part(name, index=index):
                return weights(model, f"block_{index}.{name}")

            kernel, bias, output_kernel, output_bias = part("attention")
            projected = (states @ kernel + bias).reshape(steps, 3, num_heads, -1)
            heads = []
            for head in range(num_heads):
                queries, keys, values = projected[:, :, head].transpose(1, 0, 2)
                shares = softmax(queries @ keys.T / math.sqrt(UNITS // num_heads))
                heads.append(shares @ values)
            attended = np.concatenate(heads, axis=-1) @ output_kernel + output_bias
            states = layer_norm(states + attended, *part("attention_normalization"))
            kernel, bias = part("hidden")
            output_kernel, output_bias = part("output")
            output = gelu(states @ kernel + bias) @ output_kernel + output_bias
            states = layer_norm(states + output, *part("feed_forward_normalization"))
        kernel, bias = weights(model, "query")
        return gelu(states[-1] @ kernel + bias)


class TestContractOfOneBlock(TestContract):
    options: ClassVar = {"num_blocks": 1, "num_heads": 2, "dropout": 0.5, "mask_rate": 0.4}


def test_every_event_sees_every_other():
    model = TestContract().network().model
    states = keras.Model(model.inputs[0], model.get_layer("amer.cloze_states").output)
    other = HISTORIES.copy()
    other[1, 4] = 17
    moved = np.abs(np.asarray(states(HISTORIES) - states(other)))[1].max(axis=-1)
    assert moved.min() > 1e-4
    with pytest.raises(ValueError, match=r"Only a causal model.*model\.name='bert4rec'"):
        EveryPositionNetwork(model, make_spec())


# Cloze training ----------------------------------------------------------------------------------


def cloze_network(mask_rate=0.4, **fields):
    spec = make_spec(**fields)
    model = bert4rec.build(spec, embedding_dim=UNITS, mask_rate=mask_rate, block_dropout=0.0)
    return bert4rec.ClozeNetwork(model, spec)


def test_hidden_events_ask_for_themselves_and_the_token_for_what_follows():
    # The third user's unknown item cannot be asked for.
    histories = np.tile(np.array([[3, 9, 4, 0], [7, 2, 8, 9], [1, 1, 1, 6]], np.int32), (40, 1))
    following = np.tile(np.array([[9, 4, 5, 0], [2, 8, 9, 11], [0, 0, 6, 0]], np.int32), (40, 1))
    own = np.where(following > 0, following + 12, 0)
    spec = make_spec(4)
    model = bert4rec.build(spec, embedding_dim=UNITS, mask_rate=0.4)
    network = bert4rec.ClozeNetwork(model, spec)
    labels = {"positives": following, "negatives": own}
    queries, labels = network.ask({"history_item_id": histories}, labels)
    assert queries.shape == (120, 5, UNITS)
    positives, negatives = np.asarray(labels["positives"]), np.asarray(labels["negatives"])
    np.testing.assert_array_equal(positives[:, -1], np.tile([5, 11, 0], 40))
    hidden = positives[:, :-1] > 0
    np.testing.assert_array_equal(positives[:, :-1][hidden], histories[hidden])
    assert hidden[:, 3].any()
    assert not positives[2::3, :3].any()
    assert hidden[histories > 1].mean() == pytest.approx(0.4, abs=0.1)
    assert negatives.shape == (120, 5)
    assert (negatives > 12).all()


@pytest.mark.parametrize("country", [False, True])
def test_a_hidden_event_is_not_seen(country):
    # Where the newest event alone is hidden, its query does not depend on it.
    network = cloze_network(mask_rate=0.5, country=country)
    inputs = {"history_item_id": np.tile(HISTORIES[:1], (200, 1))}
    if country:
        inputs["country"] = np.full(200, 3, np.int32)
    changed = {**inputs, "history_item_id": inputs["history_item_id"].copy()}
    changed["history_item_id"][:, 2] = 17
    following = np.where(inputs["history_item_id"] > 0, 21, 0)
    outcomes = []
    for batch in (inputs, changed):
        seed = next(layer for layer in network.model.layers if layer.name == "amer.cloze")
        seed.seed_generator.state.assign(np.array([1, 2], np.uint32))
        queries, labels = network.ask(batch, {"positives": following})
        outcomes.append((np.asarray(queries), np.asarray(labels["positives"])))
    (first, positives), (second, _) = outcomes
    hidden = positives[:, 2] > 0
    assert 50 < hidden.sum() < 150
    np.testing.assert_allclose(first[hidden, :4], second[hidden, :4], rtol=1e-5, atol=1e-6)
    assert np.abs(first[~hidden, 2] - second[~hidden, 2]).max(axis=-1).min() > 1e-5


def test_batches_of_prepared_data_ask_for_what_follows(tmp_path):
    data = small_run.prepare(tmp_path)
    model = bert4rec.build(data.spec, embedding_dim=UNITS, mask_rate=0.3)
    network = bert4rec.ClozeNetwork(model, data.spec)
    inputs, labels = next(iter(data.train.batches(44, ask="every_position")))
    history, following = np.asarray(inputs["history_item_id"]), np.asarray(labels["positives"])
    queries, asked = network.ask(inputs, labels)
    positives = np.asarray(asked["positives"])
    assert queries.shape == (44, history.shape[1] + 1, UNITS)
    assert asked["negatives"].shape == positives.shape
    lengths = (history > 0).sum(axis=1)
    np.testing.assert_array_equal(positives[:, -1], following[np.arange(44), lengths - 1])
    hidden = positives[:, :-1] > 0
    np.testing.assert_array_equal(positives[:, :-1][hidden], history[hidden])
    assert 0 < hidden.sum() < (history > 0).sum()


def test_the_query_outside_training_is_that_of_the_model():
    network = cloze_network()
    inputs = {"history_item_id": HISTORIES}
    plain = NextItemNetwork(network.model, make_spec())
    np.testing.assert_array_equal(network.query(inputs), plain.query(inputs))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["binary", "gbce"])
def test_a_cloze_step_lowers_the_loss(loss):
    network = cloze_network()
    trainer = NextItemTrainer(network, NUM_ITEMS, loss=loss, num_negatives=10)
    trainer.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
    sequences = walks(64)
    labels = {"positives": sequences[:, 1:], "negatives": walks(64)[::-1, 1:]}
    batch = tf.data.Dataset.from_tensors(({"history_item_id": sequences[:, :-1]}, labels))
    losses = trainer.fit(batch.repeat(15), epochs=2, shuffle=False, verbose=0).history["loss"]
    assert losses[1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("cloze", [False, True])
def test_learns_the_successor(cloze):
    spec = make_spec()
    model = bert4rec.build(
        spec, embedding_dim=16, block_dropout=0.0, mask_rate=0.2 if cloze else 0.0
    )
    network = (bert4rec.ClozeNetwork if cloze else NextItemNetwork)(model, spec)
    # Normalised after each sum, it learns at low rates alone.
    accuracy = train_on_walks(network, every_position=cloze, epochs=50, learning_rate=0.005)
    assert accuracy > 0.8


def test_cloze_needs_hidden_events():
    with pytest.raises(ValueError, match="needs a model that hides events.*mask_rate=0.0"):
        cloze_network(mask_rate=0.0)


def test_cloze_needs_the_next_item_of_each_step():
    message = r"ask='every_position'.*positives.shape=\(4, 2\), history.shape=\(4, 6\)"
    with pytest.raises(ValueError, match=message):
        cloze_network().ask({"history_item_id": HISTORIES}, {"positives": HISTORIES[:, :2]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3}, "must divide the units.*num_heads=3, units=8"),
        ({"num_heads": 0}, "`num_heads` must be a positive integer.*num_heads=0"),
        ({"num_blocks": 0}, "`num_blocks` must be a positive integer.*num_blocks=0"),
        ({"mask_rate": 1.0}, r"must be in \[0, 1\).*rate=1.0"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        bert4rec.build(make_spec(), embedding_dim=UNITS, **arguments)
