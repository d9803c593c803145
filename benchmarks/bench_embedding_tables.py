"""Large embedding tables: memory and seconds of an update, by the size of the table.

    python benchmarks/bench_embedding_tables.py

A DNN of task ctr over 26 fields whose vocabularies have 1 or 10 million values together, 16 units
each, trained with batches of 4096 of power-law frequency, with and without the prior. Each size is
measured in a process of its own, all after another and again, so that a busy machine slows them
alike; the least of the medians is printed. Memory is the peak of the whole process.

Result (2 quiet cores, --repeats 1):

    no prior     1,000,000 rows 43.9 ms, 1.44 GiB; 10,000,000 rows 49.9 ms, 3.75 GiB: 1.14 times
    with prior   1,000,000 rows 85.1 ms, 1.46 GiB; 10,000,000 rows 65.6 ms, 3.77 GiB: .77 times
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

NUM_FIELDS, BATCH, EXPONENT = 26, 4096, 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--prior", type=float, default=1e-6)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.steps, arguments.prior)))
        return
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.repeats):
        for prior in (0.0, arguments.prior):
            for rows in arguments.rows:
                options = [f"--measure={rows}", f"--steps={arguments.steps}", f"--prior={prior}"]
                command = [sys.executable, __file__, *options]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                key = f"{rows:,} rows, {'with' if prior else 'no'} prior"
                found.setdefault(key, []).append(json.loads(output.stdout.splitlines()[-1]))
    result = {
        key: {
            "ms an update": min(each["ms"] for each in measured),
            "peak GiB": max(each["GiB"] for each in measured),
        }
        for key, measured in found.items()
    }
    print(json.dumps(result, indent=2))


def measure(num_rows: int, steps: int, prior: float) -> dict[str, float]:
    """Milliseconds of an update, and the peak of the process in GiB."""
    import numpy as np
    import tensorflow as tf

    from amer_tf.architecture import Architecture, HiddenLayer
    from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
    from amer_tf.models import amer
    from amer_tf.training.ctr import CtrTrainer
    from amer_tf.training.row_sparse_adam import RowSparseAdam

    names = [f"C{number:02}" for number in range(NUM_FIELDS)]
    values = num_rows // NUM_FIELDS
    spec = FeatureSpec(
        fields=tuple(CategoricalField(name) for name in names),
        vocabularies=tuple(Vocabulary(name, "integer", "int64", size=values) for name in names),
        label="label",
    )
    mlp = (HiddenLayer("relu", units=200),) * 3
    model = amer.build(spec, Architecture(mlp=mlp, shortcut="none"), embedding_dim=16)
    trainer = CtrTrainer(model)
    trainer.compile(optimizer=RowSparseAdam(1e-3, row_l2=prior), jit_compile=True)
    cumulative = np.cumsum(np.arange(1, values + 1) ** -EXPONENT)
    generator = np.random.default_rng(0)
    draws = generator.random((steps, NUM_FIELDS, BATCH)) * cumulative[-1]
    # Frequent values do not stand side by side in the table.
    ids = (np.searchsorted(cumulative, draws) * 7919 % values + 2).astype("int32")
    labels = generator.integers(0, 2, (steps, BATCH)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(
        ({name: ids[:, index] for index, name in enumerate(names)}, labels)
    )
    trainer.fit(data, verbose=0)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        trainer.fit(data, verbose=0)
        times.append(1000 * (time.perf_counter() - start) / steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"ms": round(statistics.median(times), 1), "GiB": round(peak, 2)}


if __name__ == "__main__":
    main()
