"""Times a step of RowSparseAdam and of Keras Adam on a large table, at the same loss curve.

    python benchmarks/bench_row_sparse_adam.py

A table of 2,000,000 rows x 16; every step looks 4,096 x 39 rows up. The task can be learned: each
of 39 fields has values of power-law frequency with a planted effect, and the label is a draw from
the logistic of their sum. Both optimizers see the same batches, step by step in turn, so that a
busy machine slows both alike; a step is forward, backward and update.

Result (2 quiet cores, TensorFlow 2.21, Keras 3.15; keras Adam and RowSparseAdam):

    jit_compile=False  ms a step 112.6 and 51.0, ratio 2.21
    jit_compile=True   ms a step  86.0 and 23.5, ratio 3.66
    beside short tests: 152.8 and 95.7, 1.60; 79.6 and 21.1, 3.78
    held-out loss (the same with and without XLA)
      after  50 steps  0.5963 and 0.6109  +2.45 %
      after 100 steps  0.5685 and 0.5710  +0.45 %
      after 150 steps  0.5585 and 0.5606  +0.38 %
      after 200 steps  0.5526 and 0.5536  +0.18 %
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from amer_tf.layers import FusedEmbedding
from amer_tf.training.row_sparse_adam import RowSparseAdam

NUM_ROWS, EMBEDDING_DIM = 2_000_000, 16
BATCH_SIZE, NUM_FIELDS = 4096, 39
VALUES_PER_FIELD = NUM_ROWS // NUM_FIELDS - 1
EXPONENT = 1.1
REPORTED_STEPS = (50, 100, 150, 200)


def batches(seed: int) -> Iterator[tuple[Any, Any]]:
    """Endless batches: ids `(B, 39)`, labels `(B,)`. The planted effects are always the same."""
    effects = np.random.default_rng(0).normal(0.0, 0.3, size=(NUM_FIELDS, VALUES_PER_FIELD))
    cumulative = np.cumsum(np.arange(1, VALUES_PER_FIELD + 1) ** -EXPONENT)
    cumulative /= cumulative[-1]
    generator = np.random.default_rng(seed)
    fields = np.arange(NUM_FIELDS)
    while True:
        ranks = np.searchsorted(cumulative, generator.random((BATCH_SIZE, NUM_FIELDS)))
        logits = effects[fields, ranks].sum(axis=1)
        labels = generator.random(BATCH_SIZE) < 1.0 / (1.0 + np.exp(-logits))
        # Frequent values of a field do not stand side by side in the table.
        rows = fields * VALUES_PER_FIELD + ranks * 7919 % VALUES_PER_FIELD + 2
        yield rows.astype("int32"), labels.astype("float32")


def make_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    ids = keras.Input((NUM_FIELDS,), dtype="int32", name="ids")
    embedded = FusedEmbedding({"value": NUM_ROWS}, {"ids": "value"}, EMBEDDING_DIM)({"ids": ids})
    hidden = keras.layers.Dense(32, activation="relu")(keras.ops.sum(embedded["ids"], axis=1))
    return keras.Model(ids, keras.layers.Dense(1)(hidden)[:, 0])


def make_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, jit_compile: bool
) -> Callable[[Any, Any], Any]:
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(ids: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(ids, training=True)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return loss

    return step


def held_out_loss(model: keras.Model, held_out: list[tuple[Any, Any]]) -> float:
    losses = [
        tf.nn.sigmoid_cross_entropy_with_logits(labels, model(ids)).numpy().mean()
        for ids, labels in held_out
    ]
    return float(np.mean(losses))


def compare(num_steps: int, learning_rate: float, jit_compile: bool) -> None:
    optimizers = {
        "keras Adam": keras.optimizers.Adam(learning_rate),
        "RowSparseAdam": RowSparseAdam(learning_rate),
    }
    models = {name: make_model() for name in optimizers}
    steps = {name: make_step(models[name], optimizers[name], jit_compile) for name in optimizers}
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    held_out = [batch for batch, _ in zip(batches(seed=2), range(5), strict=False)]
    print(f"jit_compile={jit_compile}, learning rate {learning_rate}")
    for number, (ids, labels) in zip(range(1, num_steps + 1), batches(seed=1), strict=False):
        batch = tf.constant(ids), tf.constant(labels)
        for name, step in steps.items():
            start = time.perf_counter()
            step(*batch).numpy()
            times[name].append(1000.0 * (time.perf_counter() - start))
        if number in REPORTED_STEPS:
            dense, sparse = (held_out_loss(models[name], held_out) for name in optimizers)
            print(
                f"  held-out loss after {number} steps: {dense:.4f} and {sparse:.4f}, "
                f"difference {100.0 * (sparse / dense - 1.0):+.2f} %"
            )
    # The first steps trace and compile.
    medians = {name: float(np.median(values[5:])) for name, values in times.items()}
    dense, sparse = medians.values()
    print(f"  ms a step: {dense:.1f} and {sparse:.1f}, ratio {dense / sparse:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_steps", type=int, default=200)
    parser.add_argument("--learning_rate", type=float, default=0.001)
    arguments = parser.parse_args()
    print(f"{NUM_ROWS} rows x {EMBEDDING_DIM}, {BATCH_SIZE} x {NUM_FIELDS} look-ups a step")
    print("keras Adam and RowSparseAdam:")
    for jit_compile in (False, True):
        compare(arguments.num_steps, arguments.learning_rate, jit_compile)


if __name__ == "__main__":
    main()
