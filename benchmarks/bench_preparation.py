"""Preparation: rows a second from text, and the memory that it takes, of Criteo-shaped tables.

    python benchmarks/bench_preparation.py

Planted data with 13 numbers and 26 categories (vocabularies of 6 to 100,000 values whose
frequencies follow a power law) are written as CSV, then
prepared by `data_pipelines.prepare` in a process of its own: reading, coding, fitting, splitting,
encoding and checksums. Beside it the usual way on the smaller table, in one go in memory: pandas
reads the CSV, factorizes each category, scales each number and saves one array.

Result (2 quiet cores):

    1,000,000 rows (271 MB)    prepare 240,000 rows a second, 1.13 GiB; pandas 436,000, 1.08 GiB
    5,000,000 rows (1.35 GB)   prepare 239,000 rows a second (200,000 wanted), 1.19 GiB

    Text in blocks of 8 MB: of 2 MB it were 204,000, since each different value of a block is looked
    up once, and numbers were Python's. Blocks of 32 MB are slower again and take 1.8 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

from data_pipelines.planted import PlantedSpec, generate

PREPARE = """
import sys, data_pipelines
data_pipelines.prepare(sys.argv[1] + "/planted.json", None, sys.argv[2])
"""
PANDAS = """
import sys, numpy, pandas
table = pandas.read_csv(sys.argv[1] + "/planted.csv")
columns = []
for name in table.columns:
    column = table[name]
    if column.dtype.kind in "if":
        low, high = column.min(), column.max()
        columns.append((2 * (column.fillna(column.mean()) - low) / (high - low) - 1).to_numpy("f4"))
    else:
        columns.append(pandas.factorize(column)[0].astype("i4").view("f4"))
numpy.save(sys.argv[2], numpy.stack(columns, axis=1))
"""
IMPORTS = {PREPARE: "import data_pipelines, tensorflow", PANDAS: "import numpy, pandas"}


def run(script: str, *arguments: str) -> dict[str, float]:
    """Seconds and peak GiB of a script in a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", script, *arguments])
    _, status, usage = _wait(process)
    if status:
        raise RuntimeError(f"A measured process failed. Received: status={status}")
    return {
        "seconds": time.perf_counter() - start,
        "peak GiB": usage.ru_maxrss / 2**20,
    }


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    return os.wait4(process.pid, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # What the processes spend on imports before they begin.
        start_up = {script: run(imports)["seconds"] for script, imports in IMPORTS.items()}
        for rows in arguments.rows:
            source = folder / f"source_{rows}"
            generate(source, PlantedSpec(num_rows=rows, num_numbers=13, largest_vocabulary=100_000))
            jobs = {"prepare": (PREPARE, str(folder / f"data_{rows}"))}
            if rows == min(arguments.rows):
                jobs["pandas"] = (PANDAS, str(folder / "pandas.npy"))
            for job, (script, target) in jobs.items():
                measured = run(script, str(source), target)
                seconds = measured["seconds"] - start_up[script]
                result[f"{job} {rows:,} rows"] = {
                    "rows a second": round(rows / seconds),
                    "peak GiB": round(measured["peak GiB"], 2),
                }
            result[f"text MB {rows:,} rows"] = round((source / "planted.csv").stat().st_size / 1e6)
            (source / "planted.csv").unlink()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
