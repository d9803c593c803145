"""Training and evaluation of task ctr on small tables."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, NumericField, Vocabulary
from amer_tf.models import amer
from amer_tf.training import binary_metrics
from amer_tf.training.ctr import CtrEvaluator, CtrTrainer
from amer_tf.training.fit import Phase, fit
from amer_tf.training.row_sparse_adam import RowSparseAdam
from data_pipelines.dealing import GROUP, LABEL
from data_pipelines.example_rows import FlatRows
from data_pipelines.row_layout import RowLayout
from data_pipelines.table_split import TableEvaluationSplit, TableTrainingSplit

SPEC = FeatureSpec(
    fields=(CategoricalField("a"), CategoricalField("b"), NumericField("x")),
    vocabularies=(
        Vocabulary("a", "integer", "int64", size=6),
        Vocabulary("b", "integer", "int64", size=6),
    ),
    label="y",
    group="user",
)
ARCHITECTURE = Architecture(
    interactions=(("a", "b"),), mlp=(HiddenLayer("relu", units=8),), shortcut="squeeze_excitation"
)


def tables(size: int = 1500):
    """Labels that depend on the pair of `a` and `b`, and on `x`."""
    layout = RowLayout.of(SPEC.fields).with_column(LABEL, "float32").with_column(GROUP, "int32")
    generator = np.random.default_rng(0)
    a, b = generator.integers(2, 8, (2, size))
    x = generator.uniform(-1, 1, size).astype("float32")
    logits = 2.0 * np.where((a + b) % 2 == 0, 1, -1) + x
    labels = (generator.random(size) < 1 / (1 + np.exp(-logits))).astype("float32")
    rows = np.zeros((size, layout.width), np.int32)
    for name, values in (("a", a), ("b", b), (GROUP, np.arange(size) % 40)):
        rows[:, layout.column(name).offset] = values
    for name, values in (("x", x), (LABEL, labels)):
        rows[:, layout.column(name).offset] = values.astype("float32").view("int32")
    train, other = rows[: size * 2 // 3], rows[size * 2 // 3 :]
    return TableTrainingSplit(SPEC, FlatRows(train, layout)), TableEvaluationSplit(
        SPEC, FlatRows(other, layout)
    )


def make(seed: int = 0):
    keras.utils.set_random_seed(seed)
    return amer.build(SPEC, ARCHITECTURE, embedding_dim=4)


def test_loss_by_hand():
    trainer = CtrTrainer(make())
    inputs = {"a": np.array([2, 3]), "b": np.array([4, 5]), "x": np.array([0.5, -0.5], "float32")}
    labels = np.array([1.0, 0.0], "float32")
    logits = np.asarray(trainer(inputs), "float64")
    chances = 1 / (1 + np.exp(-logits))
    expected = -(np.log(chances[0]) + np.log(1 - chances[1])) / 2
    assert float(trainer.batch_loss(inputs, labels)) == pytest.approx(expected, rel=1e-5)


def test_l2_of_gathered_rows_is_part_of_the_loss():
    plain, penalised = (amer.build(SPEC, ARCHITECTURE, embedding_dim=4, l2=l2) for l2 in (0.0, 0.1))
    penalised.set_weights(plain.get_weights())
    inputs = {"a": np.array([2]), "b": np.array([4]), "x": np.array([0.5], "float32")}
    losses = [
        float(CtrTrainer(model).batch_loss(inputs, np.ones(1, "float32")))
        for model in (plain, penalised)
    ]
    table = np.asarray(plain.get_layer("amer.embedding").table)
    squares = (table[[2, 8 + 4]] ** 2).sum()
    assert losses[1] - losses[0] == pytest.approx(0.1 / 2 * squares, rel=1e-3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_learns_an_interaction(jit_compile: bool):
    train, test = tables()
    model = make()
    trainer = CtrTrainer(model)
    trainer.compile(optimizer=RowSparseAdam(0.02), jit_compile=jit_compile)
    before = CtrEvaluator(model).evaluate(test)
    fit(trainer, train, Phase(epochs=30, batch_size=100, learning_rate=0.02))
    after = CtrEvaluator(model).evaluate(test)
    assert before["auc"] < 0.65
    assert after["auc"] > 0.85
    assert after["log_loss"] < 0.5
    assert after["count"] == test.num_examples
    assert after["gauc_users"] == 40


def test_logits_of_a_split_in_its_order():
    _, test = tables()
    model = make()
    [(inputs, labels, _)] = test.batches(test.num_examples)
    expected = model(inputs)
    for batch_size in (7, 500, 10_000):
        logits = CtrEvaluator(model, batch_size=batch_size).logits(test)
        np.testing.assert_allclose(logits, expected, atol=1e-6)
    result = CtrEvaluator(model).evaluate(test)
    assert result["log_loss"] == pytest.approx(
        binary_metrics.log_loss(labels.numpy(), expected.numpy()).value, rel=1e-5
    )


def test_labels_are_tiled_for_a_network_that_replicates():
    class Twice(keras.Model):
        num_replicas = 2

        def call(self, inputs, training=False):
            return tf.concat([inputs["x"], -inputs["x"]], axis=0)

    trainer = CtrTrainer(Twice())
    x, y = np.array([1.0, 2.0], "float32"), np.array([1.0, 0.0], "float32")
    logits, labels = np.array([1.0, 2.0, -1.0, -2.0]), np.array([1.0, 0.0, 1.0, 0.0])
    expected = binary_metrics.log_loss(labels, logits).value
    assert float(trainer.batch_loss({"x": x}, y)) == pytest.approx(expected, rel=1e-5)


def test_scoring_many_networks_is_no_retracing(caplog):
    _, split = tables(300)
    for seed in range(6):
        CtrEvaluator(make(seed)).logits(split)
    assert "retracing" not in caplog.text
