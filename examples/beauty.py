"""Finds the network for Amazon Beauty, as the paper does, and exports it.

    .venv/bin/python examples/beauty.py --source_dir=downloads/amazon_beauty

The folder holds `Beauty.txt`, or the original reviews; see data_pipelines/amazon_beauty/README.md.
About 25 minutes on 2 cores. Killed at any moment, the same command goes on where it was.
"""

from __future__ import annotations

import argparse

import data_pipelines
from amer_tf import AmerSearch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source_dir", required=True, help="folder of the downloaded files")
    parser.add_argument("--time_limit", default="20m", help="of the search, such as 40m or 2h")
    arguments = parser.parse_args()

    print(data_pipelines.prepare("amazon_beauty", arguments.source_dir, "data/beauty"))
    data = data_pipelines.load("data/beauty")

    search = AmerSearch(data.spec, run_dir="runs/beauty", time_limit=arguments.time_limit, seed=0)
    result = search.fit(data.train, data.validation)
    print(result.leaderboard().to_string())

    # The test split is for the model that the validation split has chosen, once.
    for candidates in ("uniform", "popular", "full"):
        metrics = result.evaluate(data.test, candidates=candidates)
        print(candidates, {name: round(metrics[name], 4) for name in ("hr@1", "hr@5", "ndcg@5")})
    print(result.export("serving/beauty/1"))


if __name__ == "__main__":
    main()
