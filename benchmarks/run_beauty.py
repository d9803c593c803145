"""The recorded runs on Amazon Beauty: searches over several seeds, and one table of their tests.

    python benchmarks/run_beauty.py --source_dir=../shared/data/amazon_beauty --out=runs/record

Each search is `amer search --steps=behavior --time_limit=40m --seed=S` in a process of its own,
then `amer evaluate --split=test --references`, which reads the test split once: 100 uniform
negatives, 100 popular ones, the whole catalogue. `plain` knows item ids alone, as the paper;
`attributes` also the items' attributes, as S3-Rec. Runs that have finished are not run again.

With --side_by_side=2 two searches run at a time, each bound to half of the cores.

The last result stands in results/beauty.md.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from recording import amer

METRICS = ("hr@1", "hr@5", "ndcg@5", "hr@10", "ndcg@10", "mrr")
OPTIONS = {"plain": [], "attributes": ["--option=item_fields=attributes"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source_dir", required=True, help="folder of the downloaded files")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of data and runs")
    parser.add_argument("--items", nargs="+", choices=OPTIONS, default=["plain", "attributes"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--time_limit", default="40m")
    parser.add_argument("--side_by_side", type=int, default=1)
    arguments = parser.parse_args()
    for items in arguments.items:
        data = ["--dataset=amazon_beauty", f"--source_dir={arguments.source_dir}"]
        amer("prepare", *data, f"--data_dir={arguments.out / items}", *OPTIONS[items])
    wanted = [(items, seed) for seed in arguments.seeds for items in arguments.items]
    shares = np.array_split(sorted(os.sched_getaffinity(0)), arguments.side_by_side)

    with concurrent.futures.ThreadPoolExecutor(arguments.side_by_side) as pool:
        free = [share.tolist() for share in shares]

        def run(job: tuple[str, int]) -> dict[str, Any]:
            cores = free.pop()
            try:
                return measure(arguments.out, *job, arguments.time_limit, cores)
            finally:
                free.append(cores)

        found = list(pool.map(run, wanted))
    for items in arguments.items:
        results = [result for result in found if result["items"] == items]
        print(f"\n{items}, {len(results)} seeds\n")
        print("\n".join(markdown([result["test"] for result in results])))
        for result in results:
            print({name: value for name, value in result.items() if name != "test"})


def measure(
    out: pathlib.Path, items: str, seed: int, time_limit: str, cores: Sequence[int]
) -> dict[str, Any]:
    """One search and its test, by name of the system and mode of the candidates."""
    run_dir = out / f"{items}_{seed}"
    result_file = run_dir / "record.json"
    if not result_file.exists():
        search = ["--steps=behavior", f"--time_limit={time_limit}", f"--seed={seed}"]
        found = amer(
            "search", f"--data_dir={out / items}", f"--run_dir={run_dir}", *search, cores=cores
        )
        tested = amer("evaluate", f"--run_dir={run_dir}", "--split=test", "--references")
        systems = {name: modes["test"] for name, modes in tested["references"].items()}
        record = {
            "items": items,
            "seed": seed,
            "validation ndcg@5": round(found["score"], 4),
            "seconds": round(found["seconds"]),
            "peak GiB": found["peak"],
            "cores": len(cores),
            "training": found["training"],
            "architecture": [list(block.values()) for block in found["architecture"]["blocks"]],
            "test": {"amer": tested["test"], **systems},
        }
        result_file.write_text(json.dumps(record, indent=1))
    return json.loads(result_file.read_text())


def markdown(tests: Sequence[dict[str, Any]]) -> list[str]:
    """Mean and standard deviation over the seeds, a row for each system and mode."""
    lines = [
        "| candidates | system | " + " | ".join(METRICS) + " |",
        "|---|---|" + "---|" * len(METRICS),
    ]
    for mode in ("uniform", "popular", "full"):
        for system in tests[0]:
            cells = []
            for name in METRICS:
                values = [test[system][mode][name] for test in tests]
                cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=len(values) > 1):.4f}")
            lines.append(f"| {mode} | {system} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
