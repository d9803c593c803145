"""What is written in a file is scored alike after preparation and as a request."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import data_pipelines
from amer_tf.architecture import Architecture, Block, HiddenLayer
from tests.data_pipelines import test_ctr_joined as joined
from tests.export import small_models

NUM_ROWS = 1000
DESCRIPTION = {
    "name": "ads",
    "task": "ctr",
    "files": {"events": "ads.csv"},
    "user": "user",
    "label": "click",
    "max_length": 4,
    "fields": [
        {"name": "ad", "role": "target", "vocabulary": "ad"},
        {"name": "tags", "kind": "multi_valued", "role": "target", "max_values": 2,
         "separator": ";"},
        {"name": "history", "role": "behavior", "vocabulary": "ad", "behavior_of": "ad"},
        {"name": "tag_history", "kind": "multi_valued", "role": "behavior", "vocabulary": "tags",
         "max_values": 2, "separator": ";", "behavior_of": "tags"},
        {"name": "wait_history", "kind": "numeric", "role": "behavior"},
        {"name": "row", "role": "profile"},
        {"name": "page", "role": "context"},
        {"name": "price", "kind": "numeric", "role": "context"},
    ],
    "vocabularies": [
        {"name": "ad", "dtype": "int64", "min_count": 4},
        {"name": "row", "source": "integer", "dtype": "int64", "size": NUM_ROWS},
        {"name": "page", "source": "hash", "size": 50},
    ],
    "split": {"kind": "random", "seed": 1},
}  # fmt: skip
ARCHITECTURE = Architecture(
    blocks=(Block("layer_norm", "conv_3", "relu"), Block("none", "self_attention_2", "gelu")),
    interactions=(("ad", "page"), ("ad", "tags")),
    mlp=(HiddenLayer("relu", units=8),),
    shortcut="squeeze_excitation",
)
JOINED_ARCHITECTURE = Architecture(
    blocks=(Block("layer_norm", "target_attention", "relu"),),
    interactions=(("item", "town"), ("item", "tags")),
    mlp=(HiddenLayer("relu", units=8),),
    shortcut="squeeze_excitation",
    history_match="exact",
)


def make_rows():
    """Raw rows: lists for behaviour and sets, None where nothing is known."""
    random = np.random.default_rng(0)
    rows = []
    for row in range(NUM_ROWS):
        steps = int(random.integers(8))
        rows.append(
            {
                "row": row,
                "ad": int(random.integers(300)),
                "tags": [str(tag) for tag in random.choice(list("abcd"), random.integers(4))],
                "history": random.integers(300, size=steps).tolist(),
                "tag_history": [
                    [str(tag) for tag in random.choice(list("abcd"), random.integers(1, 4))]
                    for _ in range(steps)
                ],
                "wait_history": random.normal(5, 3, steps).round(2).tolist(),
                "page": None if row % 9 == 0 else f"page {row % 31}",
                "price": None if row % 7 == 0 else float(random.integers(50)) / 4,
            }
        )
    return rows


def text(value):
    if value is None:
        return ""
    if not isinstance(value, list):
        return str(value)
    if value and isinstance(value[0], list):
        return "|".join(";".join(entries) for entries in value)
    return (";" if value and isinstance(value[0], str) else "|").join(map(str, value))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ads")
    rows = [{name: text(value) for name, value in row.items()} for row in make_rows()]
    with (folder / "ads.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], "user", "click"])
        writer.writeheader()
        for index, row in enumerate(rows):
            writer.writerow({**row, "user": index % 50, "click": int(index % 3 == 0)})
    (folder / "ads.json").write_text(json.dumps(DESCRIPTION))
    data_pipelines.prepare(folder / "ads.json", None, folder / "data")
    return data_pipelines.load(folder / "data")


def prepared_logits(model, data):
    """Logits of all prepared rows, in the order of the file, by their number in the field `row`."""
    logits = np.full(sum(split.num_examples for split in splits_of(data)), np.nan)
    # One epoch of the training split takes each of its rows once.
    train = data.train.batches(100, num_steps=-(-data.train.num_examples // 100))
    for batches in (train, data.validation.batches(100), data.test.batches(100)):
        for inputs, *_ in batches:
            rows = np.asarray(inputs["row"]) - 2
            known = rows >= 0  # the last batch is filled up with padding
            logits[rows[known]] = np.asarray(model(inputs, training=False))[known]
    assert not np.isnan(logits).any()
    return logits


def splits_of(data):
    return data.train, data.validation, data.test


def make_case(data, architecture):
    """A model with weights that tell rows apart."""
    case = small_models.make(data.spec, architecture)
    random = np.random.default_rng(0)
    for weight in case.model.trainable_weights:
        weight.assign(random.normal(0.0, max(4, np.prod(weight.shape[:-1])) ** -0.5, weight.shape))
    case.model.get_layer("amer.embedding").table.assign(
        random.normal(0.0, 0.4, case.model.get_layer("amer.embedding").table.shape)
    )
    case.model.get_layer("amer.platt_scaling").assign(1.0, 0.0)
    return case


def test_a_thousand_rows_of_a_file(data, tmp_path):
    case = make_case(data, ARCHITECTURE)
    exported = small_models.load(case, tmp_path / "1", warmup=False)
    columns = exported.columns(make_rows())
    answer = exported.ask("serving_default", **columns)["logit"]
    np.testing.assert_allclose(answer, prepared_logits(case.model, data), rtol=1e-6, atol=1e-6)
    assert len(np.unique(answer.round(4))) > 0.9 * NUM_ROWS


def joined_rows(shop):
    """What a service would send of each example: all that the four files say of it."""
    prices = {item: float(price) if price else None for item, (_, price) in shop.items.items()}
    tags = {item: [tag for tag in text.split("|") if tag] for item, (text, _) in shop.items.items()}
    rows = []
    for number, (user, item, time, hour, _) in enumerate(shop.examples):
        events = [event for event in shop.log if event[0] == user and int(event[2]) < int(time)]
        events.sort(key=lambda event: int(event[2]))  # ties keep their order
        seen = [event[1] for event in events]
        rows.append(
            {
                "row": number,
                "user": user,
                "town": shop.users[user],
                "item": item,
                "tags": tags[item],
                "price": prices[item],
                "hour": hour,
                "action": [event[3] for event in events],
                "history_item": seen,
                "history_tags": [tags[each] for each in seen],
                "history_price": [prices[each] for each in seen],
            }
        )
    return rows


@pytest.mark.slow
def test_rows_of_joined_files(tmp_path):
    shop = joined.Shop()
    description = joined.write(tmp_path, shop)
    # Each example says which row of the file it is.
    header, *lines = (tmp_path / "examples.csv").read_text().splitlines()
    numbered = [f"{line},{number}" for number, line in enumerate(lines)]
    (tmp_path / "examples.csv").write_text("\n".join([f"{header},row", *numbered]) + "\n")
    described = json.loads(description.read_text())
    described["fields"].append({"name": "row", "role": "context"})
    described["vocabularies"] = [
        {"name": "row", "source": "integer", "dtype": "int64", "size": len(lines)}
    ]
    description.write_text(json.dumps(described))
    data_pipelines.prepare(description, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    case = make_case(data, JOINED_ARCHITECTURE)
    exported = small_models.load(case, tmp_path / "1", warmup=False)
    rows = joined_rows(shop)
    # The whole history is sent, longer than what the model reads.
    assert max(len(row["history_item"]) for row in rows) > 2 * joined.STEPS
    columns = exported.columns(rows)
    assert set(columns) == set(rows[0])
    answer = exported.ask("serving_default", **columns)["logit"]
    np.testing.assert_allclose(answer, prepared_logits(case.model, data), rtol=1e-6, atol=1e-6)
    assert len(np.unique(answer.round(4))) > 0.9 * len(rows)
