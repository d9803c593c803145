"""RowSparseAdam against NumPy, on its three ways to update, plain and under XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.training import row_sparse_adam
from amer_tf.training.row_sparse_adam import RowSparseAdam, clip_by_global_norm

# (rows, XLA): whole table twice, unique rows, slots.
WAYS = [(6, False), (6, True), (50, False), (50, True)]
IDS = np.array([[1, 3, 3, 1, 5], [3, 0, 0, 0, 0], [2, 2, 2, 2, 5]])
VALUES = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")


def lazy_adam(table, rate=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-7, row_l2=0.0):
    table = table.astype("float64")
    momentum, velocity = np.zeros_like(table), np.zeros_like(table)
    gathered_at = np.zeros(len(table), int)
    for step, (ids, values) in enumerate(zip(IDS, VALUES, strict=True), start=1):
        for row in set(ids.tolist()):
            gradient = values[ids == row].sum(axis=0)
            gradient = gradient + row_l2 * (step - gathered_at[row]) * table[row]
            gathered_at[row] = step
            momentum[row] += (1 - beta_1) * (gradient - momentum[row])
            velocity[row] += (1 - beta_2) * (gradient**2 - velocity[row])
            correction = np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
            table[row] -= rate * correction * momentum[row] / (np.sqrt(velocity[row]) + epsilon)
    return table, momentum, velocity


def run_steps(optimizer, variable, jit_compile, dynamic=False):
    length = None if dynamic else IDS.shape[1]
    signature = [tf.TensorSpec([length], "int64"), tf.TensorSpec([length, 2], "float32")]

    @tf.function(jit_compile=jit_compile, input_signature=signature)
    def step(ids, values):
        optimizer.apply([tf.IndexedSlices(values, ids, variable.shape)], [variable])

    for ids, values in zip(IDS, VALUES, strict=True):
        step(tf.constant(ids), tf.constant(values))


def make_table(num_rows):
    return np.random.default_rng(1).normal(size=(num_rows, 2)).astype("float32")


@pytest.mark.parametrize(("num_rows", "jit_compile"), WAYS)
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("row_l2", [0.0, 0.3])
def test_equals_lazy_adam(num_rows, jit_compile, dynamic, row_l2):
    start = make_table(num_rows)
    variable = keras.Variable(start)
    optimizer = RowSparseAdam(0.1, row_l2=row_l2)
    optimizer.build([variable])
    run_steps(optimizer, variable, jit_compile, dynamic)
    table, momentum, velocity = lazy_adam(start, row_l2=row_l2)
    np.testing.assert_allclose(variable.numpy(), table, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(optimizer._momentums[0].numpy(), momentum, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(optimizer._velocities[0].numpy(), velocity, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("num_rows", "jit_compile"), WAYS)
def test_untouched_rows_do_not_move_by_a_bit(num_rows, jit_compile):
    start = make_table(num_rows)
    variable = keras.Variable(start)
    optimizer = RowSparseAdam(0.1)
    optimizer.build([variable])
    run_steps(optimizer, variable, jit_compile)
    # Row 4 is never gathered; row 1 has momentum after step 1 and is not gathered later.
    np.testing.assert_array_equal(variable.numpy()[4], start[4])
    assert not optimizer._momentums[0].numpy()[4].any()
    once = keras.Variable(start)
    single = RowSparseAdam(0.1)
    single.apply([tf.IndexedSlices(VALUES[0], IDS[0], start.shape)], [once])
    np.testing.assert_allclose(variable.numpy()[1], once.numpy()[1], rtol=1e-6)


def test_ways_differ_by_context(monkeypatch):
    taken = []
    for way in ("_update_whole_table", "_update_in_slots", "_update_unique_rows"):
        monkeypatch.setattr(
            RowSparseAdam, way, lambda self, *_, way=way: taken.append((way, self.name))
        )
    for num_rows, jit_compile in WAYS:
        variable = keras.Variable(make_table(num_rows))
        optimizer = RowSparseAdam(name=f"{num_rows}_{jit_compile}")
        optimizer.build([variable])
        run_steps(optimizer, variable, jit_compile)
    assert taken == [
        ("_update_whole_table", "6_False"),
        ("_update_whole_table", "6_True"),
        ("_update_unique_rows", "50_False"),
        ("_update_in_slots", "50_True"),
    ]


def test_dense_gradients_are_updated_as_by_adam():
    gradients = [np.random.default_rng(n).normal(size=(4, 3)).astype("float32") for n in range(3)]
    ours, theirs = keras.Variable(np.ones((4, 3))), keras.Variable(np.ones((4, 3)))
    for optimizer, variable in ((RowSparseAdam(0.01), ours), (keras.optimizers.Adam(0.01), theirs)):
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_equals_adam_where_every_row_is_gathered():
    ours, theirs = keras.Variable(make_table(6)), keras.Variable(make_table(6))
    sparse, dense = RowSparseAdam(0.01), keras.optimizers.Adam(0.01)
    for step in range(3):
        values = np.random.default_rng(step).normal(size=(6, 2)).astype("float32")
        sparse.apply([tf.IndexedSlices(values, np.arange(6), (6, 2))], [ours])
        dense.apply([tf.constant(values)], [theirs])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_row_l2_is_a_penalty_on_the_whole_table_where_every_row_is_gathered():
    ours, theirs = keras.Variable(make_table(6)), keras.Variable(make_table(6))
    sparse, dense = RowSparseAdam(0.01, row_l2=0.1), keras.optimizers.Adam(0.01)
    for step in range(3):
        values = np.random.default_rng(step).normal(size=(6, 2)).astype("float32")
        sparse.apply([tf.IndexedSlices(values, np.arange(6), (6, 2))], [ours])
        dense.apply([tf.constant(values) + 0.1 * theirs.value], [theirs])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


class Regression(keras.Model):
    """A table and a dense layer, trained by an own `train_step`."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(200, 4)
        self.head = keras.layers.Dense(1)
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def call(self, ids):
        return self.head(keras.ops.mean(self.embedding(ids), axis=1))

    def train_step(self, data):
        ids, labels = data
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(self(ids) - labels))
        gradients = tape.gradient(loss, [weight.value for weight in self.trainable_variables])
        assert any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        self.optimizer.apply(clip_by_global_norm(gradients, 5.0), self.trainable_variables)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fits_a_keras_model_with_a_rate_set_in_every_step(jit_compile):
    generator = np.random.default_rng(0)
    ids = generator.integers(0, 150, size=(64, 3))
    labels = generator.normal(size=150)[ids].mean(axis=1, keepdims=True)
    model = Regression()
    model(ids)
    start = model.embedding.embeddings.numpy()
    model.compile(optimizer=RowSparseAdam(0.05), jit_compile=jit_compile)

    class Decay(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.05 / (1 + batch)

    history = model.fit(ids, labels, batch_size=16, epochs=20, verbose=0, callbacks=[Decay()])
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05 / 4)
    np.testing.assert_array_equal(model.embedding.embeddings.numpy()[150:], start[150:])


def test_a_rate_of_zero_from_a_callback_stops_the_compiled_step():
    model = Regression()
    ids, labels = np.array([[1, 2, 3]] * 4), np.ones((4, 1))
    model(ids)
    model.compile(optimizer=RowSparseAdam(0.05, embedding_rate_factor=0.5), jit_compile=True)
    model.fit(ids, labels, verbose=0)
    before = model.embedding.embeddings.numpy()
    model.optimizer.learning_rate = 0.0
    model.fit(ids, labels, verbose=0)
    np.testing.assert_array_equal(model.embedding.embeddings.numpy(), before)


def test_embedding_rate_scales_the_rows_alone():
    table, dense = keras.Variable(np.zeros((9, 1))), keras.Variable(np.zeros((1,)))
    optimizer = RowSparseAdam(0.1, embedding_rate_factor=0.2)
    rows = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([7]), (9, 1))
    optimizer.apply([rows, tf.constant([1.0])], [table, dense])
    # The first step of Adam is the rate, whatever the gradient.
    assert table.numpy()[7, 0] == pytest.approx(-0.02, rel=1e-4)
    assert dense.numpy()[0] == pytest.approx(-0.1, rel=1e-4)


def test_config_and_state_round_trip():
    optimizer = RowSparseAdam(
        0.3,
        embedding_rate_factor=0.5,
        row_l2=0.1,
        beta_1=0.8,
        beta_2=0.95,
        epsilon=1e-5,
        name="rows",
    )
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, RowSparseAdam)
    assert again.get_config() == optimizer.get_config()
    assert (again.embedding_rate_factor, again.row_l2, again.beta_1) == (0.5, 0.1, 0.8)
    variable = keras.Variable(make_table(50))
    optimizer.build([variable])
    run_steps(optimizer, variable, jit_compile=False)
    again.build([variable])
    for target, source in zip(again.variables, optimizer.variables, strict=True):
        target.assign(source)
    assert int(again.iterations) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight_decay": 0.1}, "no `weight_decay`.*weight_decay=0.1"),
        ({"global_clipnorm": 5.0}, "no `global_clipnorm`.*global_clipnorm=5.0"),
        ({"amsgrad": True}, "no `amsgrad`.*amsgrad=True"),
        ({"embedding_rate_factor": 0.0}, "positive number.*embedding_rate_factor=0.0"),
        ({"row_l2": -0.1}, "must not be negative.*row_l2=-0.1"),
    ],
)
def test_refuses_what_would_touch_every_row(arguments, message):
    with pytest.raises(ValueError, match=message):
        RowSparseAdam(**arguments)


def test_clipping_keeps_slices_sparse():
    # Norm of (3, 4) and the rows (0, 12): 13, clipped to 6.5.
    rows = tf.IndexedSlices(tf.constant([[0.0], [12.0]]), tf.constant([4, 9]), (20, 1))
    dense, none, sparse = clip_by_global_norm([tf.constant([3.0, 4.0]), None, rows], 6.5)
    np.testing.assert_allclose(dense, [1.5, 2.0])
    assert none is None
    assert isinstance(sparse, tf.IndexedSlices)
    np.testing.assert_allclose(sparse.values, [[0.0], [6.0]])
    (unclipped,) = clip_by_global_norm([tf.constant([3.0, 4.0])], 6.0)
    np.testing.assert_allclose(unclipped, [3.0, 4.0])


@pytest.mark.parametrize("norm", [0.0, float("nan")])
def test_clipping_asks_for_a_positive_norm(norm):
    with pytest.raises(ValueError, match=f"positive number. Received: norm={norm}"):
        clip_by_global_norm([tf.constant([1.0])], norm)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_xla_context_is_seen_in_nested_functions(jit_compile):
    seen = []

    @tf.function
    def inner():
        seen.append(row_sparse_adam._compiled_by_xla())

    tf.function(inner, jit_compile=jit_compile)()
    assert seen == [jit_compile]
