"""The recorded runs of steps 2 and 3: searches over several seeds, and one table of their tests.

    python benchmarks/run_ctr.py planted --out=runs/planted
    python benchmarks/run_ctr.py frappe --source_dir=../shared/data/frappe --out=runs/frappe \\
        --seeds 0 1 2

Each search is `amer search --steps=interaction,mlp` in a process of its own, with all references,
which are trained with the recipe of the final training, and `amer evaluate --split=test
--references`, which reads the test split once. Runs that have finished are not run again. Planted
data are made with one million rows; of them it is also known which interactions are in them, and
the best AUC that is possible.

The last results stand in results/planted.md and results/frappe.md.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

import numpy as np
from recording import amer

from data_pipelines.planted import PlantedSpec, generate

REFERENCES = "dnn,wide_and_deep,deepfm,dcn,lightgbm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", choices=["planted", "frappe", "criteo", "avazu"])
    parser.add_argument("--source_dir", help="folder of the downloaded files")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of data and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of planted data")
    parser.add_argument("--set", action="append", default=[], help="as in `amer search`")
    arguments = parser.parse_args()
    options = [f"--set={change}" for change in arguments.set]
    tests, truth = [], None
    for seed in arguments.seeds:
        data = arguments.out / "data"
        if arguments.dataset == "planted":
            # Each seed has its own truth.
            source = arguments.out / f"source_{seed}"
            if not source.exists():
                generate(source, PlantedSpec(num_rows=arguments.rows, seed=seed))
            truth = json.loads((source / "truth.json").read_text())
            data = arguments.out / f"data_{seed}"
            amer("prepare", f"--dataset={source / 'planted.json'}", f"--data_dir={data}")
        else:
            origin = [f"--dataset={arguments.dataset}", f"--source_dir={arguments.source_dir}"]
            amer("prepare", *origin, f"--data_dir={data}")
        record = measure(data, arguments.out / f"run_{seed}", seed, options)
        tests.append(record.pop("test"))
        if truth:
            record |= compare(record, tests[-1], truth)
        print(json.dumps(record), flush=True)
    print("\n".join(markdown(tests)))


def measure(
    data: pathlib.Path, run_dir: pathlib.Path, seed: int, options: list[str]
) -> dict[str, Any]:
    """One search and its test."""
    record_file = run_dir / "record.json"
    if not record_file.exists():
        search = ["--steps=interaction,mlp", f"--references={REFERENCES}", f"--seed={seed}"]
        folders = [f"--data_dir={data}", f"--run_dir={run_dir}"]
        found = amer("search", *folders, *search, *options)
        tested = amer("evaluate", f"--run_dir={run_dir}", "--split=test", "--references")
        phases = json.loads((run_dir / "phases.json").read_text())
        record = {
            "seed": seed,
            "seconds": round(found["seconds"]),
            "seconds of step 2": round(phases["interaction"]["used"]),
            "peak GiB": found["peak"],
            "training": found["training"],
            "validation auc": round(found["score"], 4),
            "interactions": found["interactions"],
            "mlp": found["architecture"]["mlp"],
            "test": {
                "amer": tested["test"],
                **{name: splits["test"] for name, splits in tested["references"].items()},
            },
        }
        record_file.write_text(json.dumps(record, indent=1))
    return dict(json.loads(record_file.read_text()))


def compare(record: dict[str, Any], test: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """What was found of what is there."""
    planted = {tuple(sorted(group)) for group in truth["interactions"]}
    chosen = [tuple(row["interaction"].split(" * ")) for row in record["interactions"]]
    best, dnn = truth["best"]["test"]["auc"], test["dnn"]["auc"]
    return {
        "planted": len(planted),
        "found": len(planted & set(chosen)),
        "best auc": best,
        "share of the distance from dnn to best": (test["amer"]["auc"] - dnn) / (best - dnn),
    }


def markdown(tests: list[dict[str, Any]]) -> list[str]:
    """Mean and standard deviation over the seeds, a row for each system."""
    lines = ["| system | AUC | log loss |", "|---|---|---|"]
    for system in tests[0]:
        cells = []
        for name in ("auc", "log_loss"):
            values = [test[system][name] for test in tests]
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=len(values) > 1):.4f}")
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
