"""The recorded runs of all three steps: AMER-1, -12 and -123 on rows with a history.

    python benchmarks/run_hybrid.py complete_journey --out=runs/journey --seeds 0 1 2
    python benchmarks/run_hybrid.py movielens_1m --source_dir=../shared/data/movielens_1m \\
        --out=runs/movielens --seeds 0 1 2

Each search is `amer search` in a process of its own, with the steps of its name, the same data,
seed and settings; `amer evaluate --split=test` reads the test split once. The references (a DNN
over the sum of the history, DIN, DeepFM, and LightGBM with counts of the history made by hand) are
trained in a run of their own, beside a search of step 3 alone, with the recipe of the final
trainings and a prior of their own; with as many epochs as they need, since they learn slower.
AMER-123 is searched once more without `history_match`, which the hand-made networks have not. Runs
that have finished are not run again. What the search costs is told in trainings of the plain DNN:
its steps alone, and with the final trainings of what they found.

The last results stand in results/hybrid.md.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

import numpy as np
from recording import amer

from amer_tf.report.run_record import RunRecord
from amer_tf.report.search_cost import SearchCost, search_cost
from amer_tf.search.result import SearchResult

REFERENCES = "AMER-3 and references"
VARIANTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "AMER-123": ("behavior,interaction,mlp", "", ()),
    "AMER-12": ("behavior,interaction", "", ()),
    "AMER-1": ("behavior", "", ()),
    "AMER-123 without matches": (
        "behavior,interaction,mlp",
        "",
        ("--set=history_match=none",),
    ),
    REFERENCES: ("mlp", "dnn,din,deepfm,lightgbm", ("--set=final_epochs=80",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", choices=["complete_journey", "movielens_1m"])
    parser.add_argument("--source_dir", help="folder of the downloaded files")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of data and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--systems", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--share", type=float, default=0.1, help="of the events become examples")
    parser.add_argument("--max_length", type=int, default=20, help="events of a history")
    parser.add_argument("--preset", default="standard", help="as in `amer search`")
    parser.add_argument("--set", action="append", default=[], help="as in `amer search`")
    arguments = parser.parse_args()
    options = [f"--preset={arguments.preset}", *(f"--set={change}" for change in arguments.set)]
    data = arguments.out / "data"
    origin = [f"--source_dir={arguments.source_dir}"] if arguments.source_dir else []
    amer(
        "prepare", f"--dataset={arguments.dataset}", *origin, f"--data_dir={data}",
        "--option=task=ctr", f"--option=share={arguments.share}",
        f"--max_length={arguments.max_length}",
    )  # fmt: skip
    records = []
    for seed in arguments.seeds:
        records.append({})
        for name in arguments.systems:
            run_dir = arguments.out / f"{name.lower().replace(' ', '_')}_{seed}"
            record = measure(data, run_dir, name, seed, options)
            records[-1][name] = record
            print(json.dumps({"system": name, **record}), flush=True)
    print("\n".join(markdown(records)))


def measure(
    data: pathlib.Path, run_dir: pathlib.Path, name: str, seed: int, options: list[str]
) -> dict[str, Any]:
    """One search and its test."""
    record_file = run_dir / "record.json"
    if not record_file.exists():
        steps, references, own = VARIANTS[name]
        found = amer(
            "search", f"--data_dir={data}", f"--run_dir={run_dir}", f"--steps={steps}",
            f"--references={references}", f"--seed={seed}", *options, *own,
        )  # fmt: skip
        tested = amer("evaluate", f"--run_dir={run_dir}", "--split=test", "--references")
        cost = search_cost(RunRecord(SearchResult.load(run_dir)))
        record = {
            "seed": seed,
            "seconds": round(found["seconds"]),
            "peak GiB": found["peak"],
            **({} if cost is None else costs(cost)),
            "training": found["training"],
            "validation auc": round(found["score"], 4),
            "architecture": found["architecture"],
            "test": {
                name: tested["test"],
                **{other: splits["test"] for other, splits in tested.get("references", {}).items()},
            },
        }
        record_file.write_text(json.dumps(record, indent=1))
    return dict(json.loads(record_file.read_text()))


def costs(cost: SearchCost) -> dict[str, float]:
    """What the steps took, and that with the final trainings, in trainings of the plain DNN."""
    return {
        "DNN seconds": round(cost.plain),
        "steps over DNN": round(cost.steps / cost.plain, 1),
        "steps without priors over DNN": round((cost.steps - cost.priors) / cost.plain, 1),
        "search over DNN": round(cost.trained / cost.plain, 1),
    }


def markdown(records: list[dict[str, Any]]) -> list[str]:
    """Mean and standard deviation over the seeds, a row for each system."""
    tests: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        for name, variant in record.items():
            for system, metrics in variant["test"].items():
                if system == name:
                    tests.setdefault(name.partition(" and ")[0], []).append(metrics)
                elif name == REFERENCES:
                    tests.setdefault(system, []).append(metrics)
    lines = ["| system | AUC | GAUC | log loss |", "|---|---|---|---|"]
    for system, found in tests.items():
        cells = []
        for metric in ("auc", "gauc", "log_loss"):
            values = [metrics[metric] for metrics in found]
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=len(values) > 1):.4f}")
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
