"""The losses of the trainer against NumPy, and what one step of it trains."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, Block
from amer_tf.models import amer, transformer
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.training import negatives
from amer_tf.training.next_item import LOSSES, REFERENCE_LOSSES, NextItemTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests.search import nets, small_run

ROWS, WIDTH, EXAMPLES = 9, 3, 4
HISTORIES = np.array([[2, 3, 0], [4, 0, 0], [5, 6, 7], [8, 2, 0]], "int32")
POSITIVES = np.array([[4, 5], [8, 0], [2, 3], [3, 3]], "int32")
NEGATIVES = np.array([[6, 7], [2, 3], [4, 8], [5, 0]], "int32")


class Table(keras.Model):
    """The query is the sum of the history's rows; replica `r` scales it by `r + 1`."""

    def __init__(self, num_replicas=1, every_position=False):
        super().__init__()
        self.num_replicas = num_replicas
        self.every_position = every_position
        self.table = self.add_weight(name="table", shape=(ROWS, WIDTH))
        self.table.assign(np.random.default_rng(0).normal(size=(ROWS, WIDTH)))
        self.built = True

    def query(self, inputs, training=False):
        ids = inputs["history_item_id"]
        known = keras.ops.cast(ids > 0, "float32")[..., None]
        steps = keras.ops.cumsum(keras.ops.take(self.table, ids, axis=0) * known, axis=1)
        if self.every_position and training:
            return steps
        scales = range(1, self.num_replicas + 1)
        return keras.ops.concatenate([steps[:, -1] * scale for scale in scales], axis=0)

    def item_vectors(self, ids):
        return keras.ops.take(self.table, ids, axis=0)


def softplus(values):
    return np.logaddexp(0.0, values)


def expected_loss(loss, network, shared):
    """The mean over replicas, examples and valid positives, one after another."""
    table = np.asarray(network.table, "float64")
    losses = []
    for replica in range(network.num_replicas):
        for history, positives, own in zip(HISTORIES, POSITIVES, NEGATIVES, strict=True):
            query = (replica + 1) * table[history[history > 0]].sum(axis=0)
            against = np.array([table[item] @ query for item in shared if item not in positives])
            for place, positive in enumerate(positives):
                if positive == 0:
                    continue
                score = table[positive] @ query
                if loss == "softmax":
                    losses.append(np.log(np.exp(score) + np.exp(against).sum()) - score)
                elif loss == "gbce":
                    sampling_rate = len(shared) / (ROWS - 2 - 1)
                    beta = 1.0 - 0.75 * (1.0 - sampling_rate)
                    total = beta * softplus(-score) + softplus(against).sum()
                    losses.append(total / (len(shared) + 1))
                elif loss == "bpr":
                    known = table[own[own > 0]] @ query
                    losses.extend(softplus(known - score))
                elif loss == "bpr_max":
                    share = np.exp(against) / np.exp(against).sum()
                    ranked = -np.log((share / (1 + np.exp(against - score))).sum())
                    losses.append(ranked + (share * against**2).sum())
                elif loss == "top1_max":
                    share = np.exp(against) / np.exp(against).sum()
                    above = 1 / (1 + np.exp(score - against)) + 1 / (1 + np.exp(-(against**2)))
                    losses.append((share * above).sum())
                else:
                    negative = own[place]
                    cost = softplus(table[negative] @ query) if negative else 0.0
                    losses.append(softplus(-score) + cost)
    return np.mean(losses)


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("loss", LOSSES + REFERENCE_LOSSES)
def test_loss_matches_numpy(loss, replicas):
    network = Table(num_replicas=replicas)
    trainer = NextItemTrainer(network, ROWS, loss=loss, num_negatives=5, seed=11)
    found = trainer.batch_loss(
        {"history_item_id": HISTORIES}, {"positives": POSITIVES, "negatives": NEGATIVES}
    )
    seed = keras.random.SeedGenerator(11)
    shared = np.asarray(keras.random.randint((5,), 2, ROWS, dtype="int32", seed=seed))
    assert float(found) == pytest.approx(expected_loss(loss, network, shared), rel=1e-5)


@pytest.mark.parametrize("loss", ["softmax", "gbce"])
def test_shared_negatives_that_are_positives_do_not_count(loss):
    # Of three known items all are positives of the first example, so nothing stands against it.
    network = Table()
    trainer = NextItemTrainer(network, 5, loss=loss, num_negatives=2)
    found = trainer.batch_loss(
        {"history_item_id": HISTORIES[:1]}, {"positives": np.array([[2, 3, 4]], "int32")}
    )
    table = np.asarray(network.table)
    scores = table[2:5] @ table[HISTORIES[0, :2]].sum(axis=0)
    # gBCE keeps the term of the positive alone, over one more than the number of draws.
    expected = 0.0 if loss == "softmax" else softplus(-scores).mean() / 3
    assert float(found) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_negatives_are_known_items_and_differ_from_step_to_step():
    trainer = NextItemTrainer(Table(), ROWS, num_negatives=300)
    draws = [np.asarray(trainer._shared_negatives()) for _ in range(2)]
    assert set(draws[0]) == set(range(2, ROWS))
    assert (draws[0] != draws[1]).any()


def test_negatives_by_popularity():
    counts = np.arange(ROWS) ** 2
    trainer = NextItemTrainer(
        Table(),
        ROWS,
        num_negatives=40_000,
        negative_weights=negatives.popularity_weights(counts, 0.5),
    )
    shares = np.bincount(trainer._shared_negatives(), minlength=ROWS) / 40_000
    expected = np.array([0, 0, *range(2, ROWS)]) / sum(range(2, ROWS))
    np.testing.assert_allclose(shares, expected, atol=0.01)


@pytest.mark.parametrize("loss", LOSSES + REFERENCE_LOSSES)
def test_every_position_is_an_example_of_its_own(loss):
    # The same as one-step examples: each history cut after each of its steps.
    positives = np.array([[3, 4, 0], [5, 0, 0], [6, 7, 8], [2, 4, 0]], "int32")
    own = np.array([[5, 6, 0], [8, 0, 0], [2, 3, 4], [7, 5, 0]], "int32")
    labels = {"positives": positives, "negatives": own}
    steps = NextItemTrainer(Table(every_position=True), ROWS, loss=loss, num_negatives=5)
    found = steps.batch_loss({"history_item_id": HISTORIES}, labels)

    rows, places = np.nonzero(positives)
    cut = np.where(np.arange(3) <= places[:, None], HISTORIES[rows], 0)
    labels = {name: array[rows, places][:, None] for name, array in labels.items()}
    whole = NextItemTrainer(Table(), ROWS, loss=loss, num_negatives=5)
    assert float(found) == pytest.approx(
        float(whole.batch_loss({"history_item_id": cut}, labels)), rel=1e-5
    )


def test_every_position_needs_a_positive_for_each_step():
    trainer = NextItemTrainer(Table(every_position=True), ROWS)
    with pytest.raises(
        ValueError, match=r"ask='every_position'.*\(4, 2\), queries.shape=\(4, 3, 3"
    ):
        trainer.batch_loss({"history_item_id": HISTORIES}, {"positives": POSITIVES})


def squared_rows(network, ids):
    vectors = np.asarray(network.item_vectors(np.ravel(ids)))
    return (vectors[np.ravel(ids) > 0] ** 2).sum()


@pytest.mark.parametrize("kind", ["derived", "supernet"])
def test_l2_weighs_the_rows_of_histories_and_items_once_an_example(kind):
    spec = nets.next_item_spec()
    inputs = nets.batch(spec, 11)
    labels = {"positives": nets.histories(11, 1)[:, :1], "negatives": nets.histories(11, 2)[:, :1]}
    found, network = [], None
    for l2 in (0.0, 0.1):
        keras.utils.set_random_seed(1)
        if kind == "supernet":
            network = nets.supernet(spec, num_blocks=1, l2=l2)
        else:
            model = amer.build(spec, ARCHITECTURE, embedding_dim=8, l2=l2)
            network = NextItemNetwork(model, spec)
        trainer = NextItemTrainer(network, nets.NUM_ITEMS + 2, loss="binary")
        trainer.batch_loss(inputs, labels)  # nothing of it may be left in the next one
        found.append(float(trainer.batch_loss(inputs, labels)))
    rows = [inputs["history_item_id"], labels["positives"], labels["negatives"]]
    penalty = 0.05 * sum(squared_rows(network, ids) for ids in rows) / 11
    assert found[1] - found[0] == pytest.approx(penalty, rel=1e-3)


ARCHITECTURE = Architecture(
    blocks=(Block("layer_norm", "conv_3", "relu"), Block("none", "self_attention_2", "swish"))
)


def make_network(kind, spec):
    options = {"embedding_dim": 8, "catalog": nets.catalog(), "dropout": 0.1}
    if kind == "derived":
        return NextItemNetwork(amer.build(spec, ARCHITECTURE, **options), spec)
    causal, _, feed = kind.rpartition(" ")
    space = small_run.SmallSpace(num_blocks=1, causal=bool(causal))
    return BehaviorSupernet(spec, space, feed=feed, **options)


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("derived", "gbce"),
        ("split", "softmax"),
        ("replicate", "binary"),
        ("causal split", "softmax"),
        ("causal replicate", "binary"),
        ("causal replicate", "softmax"),
    ],
)
def test_a_compiled_step_trains_every_weight(kind, loss):
    spec = nets.next_item_spec(attributes=True, profile=True)
    network = make_network(kind, spec)
    trainer = NextItemTrainer(network, nets.NUM_ITEMS + 2, loss=loss, num_negatives=12)
    trainer.compile(optimizer=RowSparseAdam(0.01), jit_compile=True)
    inputs = nets.batch(spec, 12)
    labels = {
        "positives": np.random.default_rng(1).integers(2, 52, (12, 2)).astype("int32"),
        "negatives": np.random.default_rng(2).integers(2, 52, (12, 2)).astype("int32"),
    }
    if kind.startswith("causal"):
        following = np.roll(inputs["history_item_id"], -1, axis=1)
        labels = {name: np.where(following > 0, following, 0) for name in labels}
    before = [np.array(variable) for variable in trainer.trainable_variables]
    data = tf.data.Dataset.from_tensors((inputs, labels))
    history = trainer.fit(data, verbose=0, shuffle=False)
    assert np.isfinite(history.history["loss"][0])
    for variable, value in zip(trainer.trainable_variables, before, strict=True):
        if kind.startswith("causal") and "empty_history" in variable.path:
            continue  # No step of a history asks without one.
        assert np.abs(np.asarray(variable) - value).max() > 0, variable.path
    assert int(trainer.optimizer.iterations) == 1


def test_gradients_are_clipped_by_their_common_norm():
    moves = []
    for norm in (None, 0.01):
        network = Table()
        trainer = NextItemTrainer(network, ROWS, loss="binary", clip_norm=norm)
        trainer.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False)
        before = np.array(network.table)
        trainer.train_step(
            ({"history_item_id": HISTORIES}, {"positives": POSITIVES, "negatives": NEGATIVES})
        )
        moves.append(np.asarray(network.table) - before)
    free, clipped = map(np.linalg.norm, moves)
    assert free > 0.1
    assert clipped < 0.02
    np.testing.assert_allclose(moves[1] / clipped, moves[0] / free, atol=1e-4)


def test_every_position_of_prepared_data_trains_the_transformer(tmp_path):
    data = small_run.prepare(tmp_path)
    model = transformer.build(data.spec, embedding_dim=8)
    network = EveryPositionNetwork(model, data.spec)
    trainer = NextItemTrainer(network, data.spec.vocabulary("item_id").num_rows, num_negatives=10)
    trainer.compile(optimizer=RowSparseAdam(0.03), jit_compile=False)
    batches = data.train.batches(44, ask="every_position")
    inputs, labels = next(iter(batches))
    assert labels["positives"].shape == inputs["history_item_id"].shape
    queries = network.query(inputs, training=True)
    assert queries.shape == (*inputs["history_item_id"].shape, 8)
    losses = trainer.fit(batches, epochs=6, steps_per_epoch=5, verbose=0, shuffle=False)
    assert losses.history["loss"][-1] < 0.9 * losses.history["loss"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "mse"}, r"`loss` must be one of \('softmax', 'gbce', 'binary', .*loss='mse'"),
        ({"num_items": 2}, "at least one known item.*num_items=2"),
        ({"negative_weights": [1.0, 2.0]}, r"each of 9 item ids.*shape=\(2,\)"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        NextItemTrainer(Table(), **{"num_items": ROWS, **arguments})
