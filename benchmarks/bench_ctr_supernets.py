"""Steps 2 and 3: what an update and a scoring cost, beside plain models of the same size.

    python benchmarks/bench_ctr_supernets.py

39 fields of 1,000 values, K 5, batches of 4096, first hidden layer 200 wide, as on Criteo in the
paper. An update of the supernet of step 2 with 1,300 candidates is measured against one of the
plain DNN (3 x 200), scoring all candidates on 40,960 rows against building and scoring derived
models one after another (20 of them, times 65), an update of the supernet of step 3 against one of
the largest MLP of its space. Updates are compiled by XLA, and the median of the repeats without
compilation; scoring is measured as in a search, with all that is traced and compiled, in float32
and in bfloat16.

Result (2 quiet cores, each part by itself):

    DNN 27.4 ms an update, step 2 40.7 ms: 1.49 times (limit 3)
    largest MLP 34.1 ms an update, step 3 41.2 ms: 1.21 times (limit 1.5)
    scoring one after another 809 s; together 63 s in float32, 13 times, and 40 s in bfloat16
    (AVX512_BF16), 20 times (20 wanted). The second and third layers of 1,300 x 40,960 rows are 8.5
    Tflop, which no sharing saves: 46 s at the speed of the bare products in float32, 26 s in
    bfloat16.

All parts in one process, later: one after another 856 s, of which building and tracing 696 and
scoring again 160; together 62 and 40 s, with all that is traced and compiled. DNN 35 ms, step 2 41,
step 3 and its largest MLP 63 each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.models import amer
from amer_tf.search.interaction import InteractionSupernet
from amer_tf.search.mlp import MlpSupernet
from amer_tf.training.ctr import CtrEvaluator, CtrTrainer
from amer_tf.training.interaction_scoring import score_candidates
from amer_tf.training.row_sparse_adam import RowSparseAdam

FIELDS = [f"C{number:02}" for number in range(39)]
VALUES, K, UNITS, BATCH, ROWS = 1000, 5, 200, 4096, 40_960
NUM_CANDIDATES, NUM_DERIVED = 1300, 20


class Rows:
    """Random rows, which give batches as a validation split does."""

    groups = None

    def __init__(self, num_examples: int) -> None:
        generator = np.random.default_rng(0)
        self.num_examples = num_examples
        self.inputs = {
            name: generator.integers(2, VALUES, num_examples).astype("int32") for name in FIELDS
        }
        self.labels = generator.integers(0, 2, num_examples).astype("float32")

    def batches(self, size: int) -> Iterator[Any]:
        for start in range(0, self.num_examples, size):
            rows = slice(start, start + size)
            inputs = {name: tf.constant(values[rows]) for name, values in self.inputs.items()}
            labels = tf.constant(self.labels[rows])
            yield inputs, labels, tf.ones_like(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    spec = FeatureSpec(
        fields=tuple(CategoricalField(name) for name in FIELDS),
        vocabularies=tuple(Vocabulary(name, "integer", "int64", size=VALUES) for name in FIELDS),
        label="label",
    )
    mlp = (HiddenLayer("relu", units=UNITS),) * 3
    plain = Architecture(mlp=mlp, shortcut="none")
    dnn = update_seconds(amer.build(spec, plain, embedding_dim=K), BATCH, repeats)
    result = {"DNN, ms an update": round(1000 * dnn, 1)}

    supernet = InteractionSupernet(spec, candidates(), hidden_units=(UNITS,) * 3, embedding_dim=K)
    size = NUM_CANDIDATES * supernet.hand_size(BATCH)
    seconds = update_seconds(supernet, size, repeats)
    result["step 2, ms an update"] = round(1000 * seconds, 1)
    result["step 2 over DNN (limit 3)"] = round(seconds / dnn, 2)

    rows = Rows(ROWS)
    together = {
        dtype: median_seconds(lambda dtype=dtype: score_candidates(supernet, rows, dtype=dtype), 1)
        for dtype in ("float32", "bfloat16")
    }
    start, warm = time.perf_counter(), 0.0
    for group in supernet.candidates[:NUM_DERIVED]:
        alone = Architecture(interactions=(group,), mlp=mlp, shortcut="sum")
        evaluator = CtrEvaluator(amer.build(spec, alone, embedding_dim=K))
        evaluator.evaluate(rows)
        again = time.perf_counter()
        evaluator.evaluate(rows)
        warm += time.perf_counter() - again
    share = NUM_CANDIDATES / NUM_DERIVED
    one_by_one = (time.perf_counter() - start - warm) * share
    result["scoring one after another, s"] = round(one_by_one, 1)
    result["of it without building and tracing, s"] = round(warm * share, 1)
    for dtype, seconds in together.items():
        result[f"scoring together, {dtype}, s"] = round(seconds, 1)
        result[f"one after another over together, {dtype} (at least 20)"] = round(
            one_by_one / seconds, 1
        )

    step_3 = MlpSupernet(
        spec, Architecture(shortcut="squeeze_excitation"), max_units=UNITS, embedding_dim=K
    )
    size = step_3.space.num_paths * (BATCH // step_3.space.num_paths)
    seconds = update_seconds(step_3, size, repeats)
    largest = Architecture(mlp=mlp, shortcut="squeeze_excitation")
    beside = update_seconds(amer.build(spec, largest, embedding_dim=K), size, repeats)
    result["step 3, ms an update"] = round(1000 * seconds, 1)
    result["largest MLP, ms an update"] = round(1000 * beside, 1)
    result["step 3 over largest MLP (limit 1.5)"] = round(seconds / beside, 2)
    print(json.dumps(result, indent=2))


def candidates() -> list[tuple[str, ...]]:
    """All pairs, and as many extensions of the first ones as are wanted."""
    pairs = list(itertools.combinations(FIELDS, 2))
    grown = dict.fromkeys(
        tuple(sorted((*pair, name))) for pair in pairs[:50] for name in FIELDS if name not in pair
    )
    return [*pairs, *grown][:NUM_CANDIDATES]


def update_seconds(network: keras.Model, batch_size: int, repeats: int, steps: int = 20) -> float:
    """Seconds of one update, compiled by XLA."""
    trainer = CtrTrainer(network)
    trainer.compile(optimizer=RowSparseAdam(1e-3), jit_compile=True)
    [(inputs, labels, _)] = Rows(batch_size).batches(batch_size)
    data = tf.data.Dataset.from_tensors((inputs, labels)).repeat()

    def train() -> None:
        trainer.fit(data, steps_per_epoch=steps, verbose=0)

    train()
    return median_seconds(train, repeats) / steps


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
