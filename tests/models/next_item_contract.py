"""What is asked of every hand-made system of task next_item, as a class whose tests are inherited.

Also NumPy formulas from which the tests work out values of their own.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import CategoricalField, FeatureSpec, MultiValuedField, SpecError, Vocabulary
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.training.next_item import NextItemTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests import helpers

NUM_ITEMS, STEPS, UNITS = 32, 6, 8
HISTORIES = np.array(
    [[3, 9, 4, 0, 0, 0], [7, 2, 8, 9, 5, 3], [4, 4, 6, 4, 0, 0], [5, 0, 0, 0, 0, 0]], np.int32
)
CATALOG = np.random.default_rng(0).integers(2, 7, size=(NUM_ITEMS, 3)).astype("int32")


def make_spec(
    steps: int = STEPS, *, attributes: bool = False, country: bool = False, user: bool = False
) -> FeatureSpec:
    """Histories of items, with what else is asked for."""
    vocabularies = [Vocabulary("item_id", "integer", "int64", size=NUM_ITEMS - 2)]
    fields: list[Any] = [
        CategoricalField("history_item_id", role="behavior", vocabulary="item_id"),
        CategoricalField("item_id", role="target", vocabulary="item_id"),
    ]
    mapping = {"item_id": "history_item_id"}
    if attributes:
        vocabularies.append(Vocabulary("attribute", "integer", "int64", size=5))
        for name, role in (("history_attribute", "behavior"), ("attribute", "target")):
            fields.append(MultiValuedField(name, role, "attribute", max_values=3))
        mapping["attribute"] = "history_attribute"
    for name, wanted in (("country", country), ("user_id", user)):
        if wanted:
            vocabularies.append(Vocabulary(name, "integer", "int64", size=4))
            fields.append(CategoricalField(name, role="profile", vocabulary=name))
    return FeatureSpec(
        tuple(fields),
        tuple(vocabularies),
        task="next_item",
        group="user_id" if user else None,
        max_length=steps,
        target_to_behavior=mapping,
    )


def padded(histories: np.ndarray, before: int, after: int) -> np.ndarray:
    return np.pad(histories, [(0, 0), (before, after)])


class NextItemContract:
    """Every test of a system but those of its own; a subclass names the system.

    It has the system's formula, too: `expected` gives the query after one history by NumPy.
    """

    system: ClassVar[Any]
    options: ClassVar[dict[str, Any]] = {}
    scale: ClassVar[float] = 0.3  # of the weights
    user: ClassVar[bool] = False  # whether the system needs the user's id
    reads_history: ClassVar[bool] = True
    rtol: ClassVar[float] = 1e-4  # of the values

    def expected(self, model: keras.Model, history: np.ndarray, **user: int) -> np.ndarray:
        raise NotImplementedError

    def network(self, steps: int = STEPS, **fields: bool) -> NextItemNetwork:
        """The system with weights that depend on their places alone."""
        spec = make_spec(steps, **{"user": self.user, **fields})
        options = {"embedding_dim": UNITS, **self.options}
        if fields.get("attributes"):
            options["catalog"] = CATALOG
        model = self.system.build(spec, **options)
        helpers.fix_weights(model, self.scale)
        return NextItemNetwork(model, spec)

    def inputs(self, histories: np.ndarray = HISTORIES, **fields: bool) -> dict[str, np.ndarray]:
        inputs = {"history_item_id": np.asarray(histories, np.int32)}
        for name, wanted in (
            ("country", fields.get("country")),
            ("user_id", fields.get("user", self.user)),
        ):
            if wanted:
                inputs[name] = (2 + np.arange(len(histories)) % 4).astype("int32")
        return inputs

    def test_queries_equal_numpy(self) -> None:
        network, inputs = self.network(), self.inputs()
        for row, query in enumerate(np.asarray(network.query(inputs))):
            user = {name: values[row] for name, values in inputs.items()}
            history = user.pop("history_item_id")
            expected = self.expected(network.model, history[history > 0], **user)
            np.testing.assert_allclose(query, expected, rtol=self.rtol, atol=1e-5)

    def test_scores_are_inner_products_of_the_two_sides(self) -> None:
        network = self.network()
        items = np.array([[5, 6, 7], [2, 31, 4], [8, 8, 3], [0, 1, 2]], np.int32)
        scores = network.model({**self.inputs(), "item_id": items})
        queries, vectors = network.query(self.inputs()), network.item_vectors(items)
        assert scores.shape == (4, 3)
        expected = np.einsum("bd,bcd->bc", queries, vectors)
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
        assert np.std(np.asarray(queries), axis=0).max() > 1e-3

    def test_each_dropout_acts_in_training_alone(self) -> None:
        spec = make_spec(user=self.user)
        model = self.system.build(spec, **{"embedding_dim": UNITS, **self.options, "dropout": 0.5})
        helpers.fix_weights(model, self.scale)
        network = NextItemNetwork(model, spec)
        moved = helpers.dropped_in_training(model, functools.partial(network.query, self.inputs()))
        assert moved
        assert min(moved.values()) > 1e-6, moved

    @pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 0), (1, 2)])
    def test_longer_padding_gives_the_same_scores(self, before: int, after: int) -> None:
        expected = self.network().query(self.inputs())
        longer = self.inputs(padded(HISTORIES, before, after))
        found = self.network(STEPS + 3).query(longer)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    def test_the_newest_event_counts(self) -> None:
        network = self.network()
        other = HISTORIES.copy()
        other[np.arange(4), (HISTORIES > 0).sum(axis=1) - 1] = 11
        moved = np.abs(np.asarray(network.query(self.inputs(other)) - network.query(self.inputs())))
        assert (moved.max(axis=1) > 1e-4).all() == self.reads_history

    def test_a_user_without_history_gets_a_finite_query(self) -> None:
        found = np.asarray(self.network().query(self.inputs(np.zeros((2, STEPS)))))
        assert np.isfinite(found).all()
        assert np.abs(found).max() > 0

    def test_saved_and_reloaded_with_all_kinds_of_fields(self, tmp_path: Any) -> None:
        fields = {"attributes": True, "country": True, "user": True}
        network, inputs = self.network(**fields), self.inputs(**fields)
        inputs["item_id"] = np.tile(np.array([[5, 6, 7]], np.int32), (4, 1))
        scores = np.asarray(network.model(inputs))
        network.model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(again(inputs), scores, rtol=1e-5, atol=1e-6)
        assert set(network.model.input) == {"history_item_id", "country", "user_id", "item_id"}

    def test_all_that_is_no_input_has_a_name_of_ours(self) -> None:
        model = self.network(attributes=True, country=True, user=True).model
        inputs = {tensor.name for tensor in model.inputs}
        names = {operation.name for operation in model.operations} - inputs
        assert all(name.startswith("amer.") for name in names), names
        assert {"amer.query", "amer.item_vector"} <= names

    def test_refuses_another_task(self) -> None:
        spec = FeatureSpec(
            (CategoricalField("ad", role="target", vocabulary="ad"),),
            (Vocabulary("ad", "integer", "int64", size=4),),
            task="ctr",
            label="click",
        )
        with pytest.raises(SpecError, match="task 'next_item'.*spec.task='ctr'"):
            self.system.build(spec)


class CausalContract(NextItemContract):
    """What is asked beside of a system that can be trained at every position."""

    def test_a_later_event_changes_no_earlier_query(self) -> None:
        every = EveryPositionNetwork(self.network().model, make_spec())
        other = HISTORIES.copy()
        other[1, 4] = 17
        first = np.asarray(every.query(self.inputs(), training=True))
        second = np.asarray(every.query(self.inputs(other), training=True))
        np.testing.assert_allclose(first[1, :4], second[1, :4], rtol=1e-5)
        assert np.abs(first[1, 4:] - second[1, 4:]).max(axis=-1).min() > 1e-4

    @pytest.mark.parametrize("country", [False, True])
    def test_the_query_after_a_step_is_that_of_the_history_up_to_it(self, country: bool) -> None:
        network = self.network(country=country)
        every = EveryPositionNetwork(network.model, make_spec(country=country))
        inputs = self.inputs(country=country)
        steps = np.asarray(every.query(inputs, training=True))
        for step in range(STEPS):
            cut = {**inputs, "history_item_id": np.where(np.arange(STEPS) <= step, HISTORIES, 0)}
            known = HISTORIES[:, step] > 0
            found = np.asarray(network.query(cut))
            np.testing.assert_allclose(steps[known, step], found[known], rtol=1e-3, atol=1e-4)


def walks(num_users: int = 1024, steps: int = STEPS + 1) -> np.ndarray:
    """Users who walk along the items: item n is followed by n + 1."""
    first = np.random.default_rng(0).integers(0, NUM_ITEMS - 2, size=(num_users, 1))
    return ((first + np.arange(steps)) % (NUM_ITEMS - 2) + 2).astype("int32")


def train_on_walks(
    network: NextItemNetwork,
    *,
    every_position: bool = False,
    epochs: int = 10,
    learning_rate: float = 0.01,
    **options: Any,
) -> float:
    """The fraction of walks whose next item is ranked first after training."""
    sequences = walks()
    positives = sequences[:, 1:] if every_position else sequences[:, -1:]
    generator = np.random.default_rng(1)
    labels = {
        "positives": positives,
        "negatives": generator.integers(2, NUM_ITEMS, size=positives.shape).astype("int32"),
    }
    batches = tf.data.Dataset.from_tensor_slices(
        ({"history_item_id": sequences[:, :-1]}, labels)
    ).batch(128)
    trainer = NextItemTrainer(network, NUM_ITEMS, num_negatives=20, **options)
    trainer.compile(optimizer=RowSparseAdam(learning_rate), jit_compile=True)
    before = [np.array(weight) for weight in trainer.trainable_variables]
    trainer.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    for weight, value in zip(trainer.trainable_variables, before, strict=True):
        # Every user has a history, so what stands for users without one stays.
        if "empty_history" not in weight.path:
            assert np.abs(np.asarray(weight) - value).max() > 0, weight.path
    vectors = np.asarray(network.item_vectors(np.arange(NUM_ITEMS)))
    queries = np.asarray(network.query({"history_item_id": sequences[:100, :-1]}))
    best = (queries @ vectors.T)[:, 2:].argmax(axis=1) + 2
    return float((best == sequences[:100, -1]).mean())


def successor_accuracy(system: Any, epochs: int) -> float:
    """What `train_on_walks` gives for a system that is trained on the newest event alone."""
    spec = make_spec()
    network = NextItemNetwork(system.build(spec, embedding_dim=16, dropout=0.1), spec)
    return train_on_walks(network, epochs=epochs, learning_rate=0.02)


# Formulas in NumPy -------------------------------------------------------------------------------


def embed(model: keras.Model, ids: Any) -> np.ndarray:
    """Rows of the table, 0 for padding."""
    table = model.get_layer("amer.embedding").get_weights()[0]
    ids = np.asarray(ids)
    return np.where((ids > 0)[..., None], table[ids], 0.0)


def embed_user(model: keras.Model, user: int) -> np.ndarray:
    """The row of a user in the table of all fields."""
    embedding = model.get_layer("amer.embedding")
    return np.asarray(embedding.table)[embedding.offset("user_id") + user]


def weights(model: keras.Model, name: str) -> list[np.ndarray]:
    return model.get_layer(f"amer.{name}").get_weights()


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-values))


def softmax(values: np.ndarray) -> np.ndarray:
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def layer_norm(states: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    centred = states - states.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(centred.var(axis=-1, keepdims=True) + 1e-6) + beta


def gru(
    events: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """States `(T, H)` of one sequence `(T, D)`, by the formulas of Cho et al. as in Keras."""
    units = recurrent.shape[0]
    state, states = np.zeros(units), []
    for event in events:
        from_event, from_state = event @ kernel + bias[0], state @ recurrent + bias[1]
        update = sigmoid(from_event[:units] + from_state[:units])
        reset = sigmoid(from_event[units : 2 * units] + from_state[units : 2 * units])
        candidate = np.tanh(from_event[2 * units :] + reset * from_state[2 * units :])
        state = update * state + (1.0 - update) * candidate
        states.append(state)
    return np.array(states)
