"""Large embedding tables: memory and seconds of an update, by the size of the table.

    python benchmarks/bench_embedding_tables.py

A DNN of task ctr over 26 fields whose vocabularies have 1 or 10 million values together, 16 units
each, trained with batches of 4096 of power-law frequency, with and without the prior. Each size is
measured in a process of its own, all after another and again, so that a busy machine slows them
alike; the least of the medians is printed. Memory is the peak of the whole process.

Result (2 quiet cores):

    no prior     1,000,000 rows 49.9 ms; 10,000,000 rows 48.7 ms: 0.98 times (1.15 wanted)
    with prior   1,000,000 rows 46.1 ms; 10,000,000 rows 54.1 ms: 1.17 times

    The figures with prior are from a run before the slots of look-ups stood in a variable; since
    then 1,000,000 rows took 47.8 ms, and the other size was not measured undisturbed. Every second
    process or so is slowed by the machine to 85.1 ms whatever the size: with prior 85.1 and 85.2
    ms, one after the other. Memory: updates 1.41 and 3.88 GiB; the whole final training, with the
    weights that it keeps, their average and checkpoints, 1.83 and 5.27 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

NUM_FIELDS, BATCH, EXPONENT = 26, 4096, 1.1
FINAL_STEPS = 170  # of an epoch: with three epochs as many as are compiled by XLA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--final", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--prior", type=float, default=1e-6)
    arguments = parser.parse_args()
    if arguments.measure:
        measure = final_training if arguments.final else updates
        print(json.dumps(measure(arguments.measure, arguments.steps, arguments.prior)))
        return
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.repeats):
        for prior in (0.0, arguments.prior):
            for rows in arguments.rows:
                key = f"{rows:,} rows, {'with' if prior else 'no'} prior"
                found.setdefault(key, []).append(measured(rows, arguments.steps, prior))
    result: dict[str, dict[str, float]] = {
        key: {
            "ms an update": min(each["ms"] for each in runs),
            "peak GiB": max(each["GiB"] for each in runs),
        }
        for key, runs in found.items()
    }
    for rows in arguments.rows:
        key = f"{rows:,} rows, final training"
        result[key] = measured(rows, FINAL_STEPS, arguments.prior, "--final")
    print(json.dumps(result, indent=2))


def measured(rows: int, steps: int, prior: float, *options: str) -> dict[str, float]:
    """A measurement in a process of its own."""
    command = [sys.executable, __file__, f"--measure={rows}", f"--steps={steps}"]
    output = subprocess.run(
        [*command, f"--prior={prior}", *options], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(output.stdout.splitlines()[-1]))


def updates(num_rows: int, steps: int, prior: float) -> dict[str, float]:
    """Milliseconds of an update, and the peak of the process in GiB."""
    import tensorflow as tf

    from amer_tf.architecture import Architecture, HiddenLayer
    from amer_tf.models import amer
    from amer_tf.training.ctr import CtrTrainer
    from amer_tf.training.row_sparse_adam import RowSparseAdam

    mlp = (HiddenLayer("relu", units=200),) * 3
    spec = make_spec(num_rows)
    model = amer.build(spec, Architecture(mlp=mlp, shortcut="none"), embedding_dim=16)
    trainer = CtrTrainer(model)
    trainer.compile(optimizer=RowSparseAdam(1e-3, row_l2=prior), jit_compile=True)
    inputs, labels = draw(num_rows, steps)
    data = tf.data.Dataset.from_tensor_slices(
        ({name: ids.reshape(steps, BATCH) for name, ids in inputs.items()},
         labels.reshape(steps, BATCH))
    )  # fmt: skip
    trainer.fit(data, verbose=0)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        trainer.fit(data, verbose=0)
        times.append(1000 * (time.perf_counter() - start) / steps)
    return {"ms": round(statistics.median(times), 1), "GiB": peak()}


def final_training(num_rows: int, steps: int, prior: float) -> dict[str, float]:
    """The peak of a final training of three epochs: average, best weights and checkpoints too."""
    from amer_tf.architecture import Architecture
    from amer_tf.search.budget import Budget
    from amer_tf.search.ctr_settings import CtrSettings
    from amer_tf.search.ctr_workbench import CtrWorkbench
    from amer_tf.search.final_training import train_final
    from amer_tf.search.phase_clock import PhaseClock
    from amer_tf.search.state import RunFolder

    rows = Rows(*draw(num_rows, steps))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(folder)
        settings = CtrSettings(final_epochs=3)
        size = rows.num_examples
        bench = CtrWorkbench(run, make_spec(num_rows), settings, 0, size, prior * size)
        start = time.perf_counter()
        train_final(
            bench,
            PhaseClock(run, Budget(None, {})),
            "training",
            lambda: bench.build(Architecture(mlp=bench.predefined_mlp)),
            rows,
            rows,
            learning_rate=1e-3,
            time_limit=None,
            title="Final training",
        )
        return {"seconds": round(time.perf_counter() - start), "peak GiB": peak()}


class Rows:
    """Rows that give batches as both kinds of split do."""

    groups = None

    def __init__(self, inputs: dict[str, Any], labels: Any) -> None:
        self.inputs = inputs
        self.labels = labels
        self.num_examples = len(labels)

    def batches(self, size: int, **order: int) -> Any:
        import tensorflow as tf

        data = tf.data.Dataset.from_tensor_slices((self.inputs, self.labels))
        if order:
            return data.repeat().batch(size)
        return data.map(lambda inputs, label: (inputs, label, 1.0)).batch(size)


def make_spec(num_rows: int) -> Any:
    from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary

    names = [f"C{number:02}" for number in range(NUM_FIELDS)]
    size = num_rows // NUM_FIELDS
    return FeatureSpec(
        fields=tuple(CategoricalField(name) for name in names),
        vocabularies=tuple(Vocabulary(name, "integer", "int64", size=size) for name in names),
        label="label",
    )


def draw(num_rows: int, steps: int) -> tuple[dict[str, Any], Any]:
    """Ids by field and labels, of so many batches."""
    import numpy as np

    values = num_rows // NUM_FIELDS
    cumulative = np.cumsum(np.arange(1, values + 1) ** -EXPONENT)
    generator = np.random.default_rng(0)
    draws = generator.random((NUM_FIELDS, steps * BATCH)) * cumulative[-1]
    # Frequent values do not stand side by side in the table.
    ids = (np.searchsorted(cumulative, draws) * 7919 % values + 2).astype("int32")
    labels = generator.integers(0, 2, steps * BATCH).astype("float32")
    return {f"C{number:02}": ids[number] for number in range(NUM_FIELDS)}, labels


def peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


if __name__ == "__main__":
    main()
