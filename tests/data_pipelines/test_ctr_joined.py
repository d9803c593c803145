"""Examples that are joined with users, items and the events of their users' histories."""

from __future__ import annotations

import csv
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import data_pipelines
from data_pipelines import DataError, PreparedData
from tests.data_pipelines.test_ctr_table import collect

NUM_USERS, NUM_ITEMS, STEPS = 13, 19, 4
DESCRIPTION: dict[str, Any] = {
    "name": "shop",
    "task": "ctr",
    "files": {
        "events": "examples.csv",
        "items": {"path": "items.csv", "key": "id"},
        "users": {"path": "users.csv", "key": "customer"},
        "behaviors": {"path": "log.csv", "user": "who", "item": "what", "time": "at"},
    },
    "user": "user",
    "item": "item",
    "time": "when",
    "label": "click",
    "max_length": STEPS,
    "fields": [
        {"name": "user", "role": "profile"},
        {"name": "town", "role": "profile"},
        {"name": "item", "role": "target"},
        {"name": "tags", "kind": "multi_valued", "role": "target", "max_values": 2},
        {"name": "price", "kind": "numeric", "role": "target"},
        {"name": "hour", "role": "context"},
        {"name": "action", "role": "behavior"},
    ],
    "split": {"kind": "by_time", "train_until": 60, "validation_until": 80},
}


class Shop:
    """Raw rows; times are 0 to 99 and often equal, and no file is in order of time."""

    def __init__(self, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.items = {
            f"i{item}": (
                "|".join(draw.choice(["a", "b", "c"], size=item % 3, replace=False)),
                "" if item % 5 == 4 else str(item),
            )
            for item in range(NUM_ITEMS)
        }
        self.users = {f"u{user}": f"town {user % 3}" for user in range(NUM_USERS)}
        self.log = [
            (
                f"u{draw.integers(NUM_USERS - 1)}",
                f"i{draw.integers(NUM_ITEMS)}",
                str(draw.integers(100)),
                str(draw.choice(["view", "buy"])),
            )
            for _ in range(300)
        ]
        # A user without examples, who does not count.
        self.log += [("nobody", "i0", "1", "view")] * 3
        self.examples = [
            (
                f"u{draw.integers(NUM_USERS)}",
                f"i{draw.integers(NUM_ITEMS)}",
                str(draw.integers(100)),
                str(draw.integers(24)),
                str(draw.integers(2)),
            )
            for _ in range(400)
        ]

    def history(self, user: str, time: str) -> list[tuple[str, str, str, str]]:
        own = [event for event in self.log if event[0] == user and int(event[2]) < int(time)]
        return sorted(own, key=lambda event: int(event[2]))[-STEPS:]  # ties keep their order


def write(folder: pathlib.Path, shop: Shop, **changes: Any) -> pathlib.Path:
    tables: dict[str, tuple[str, Sequence[Sequence[str]]]] = {
        "examples": ("user,item,when,hour,click", shop.examples),
        "items": ("id,tags,price", [(item, *known) for item, known in shop.items.items()]),
        "users": ("customer,town", list(shop.users.items())),
        "log": ("who,what,at,action", shop.log),
    }
    for name, (header, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            stream.write(header + "\n")
            csv.writer(stream).writerows(rows)
    (folder / "shop.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    return folder / "shop.json"


def prepare(folder: pathlib.Path, shop: Shop | None = None, **changes: Any) -> PreparedData:
    description = write(folder, shop or Shop(), **changes)
    data_pipelines.prepare(description, None, folder / "data")
    return data_pipelines.load(folder / "data")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return prepare(tmp_path_factory.mktemp("shop"))


def ids(data: PreparedData, field: str) -> dict[str, int]:
    values = data.spec.vocabulary(field).read_values()
    return {str(value): number + 2 for number, value in enumerate(values)}


def expected(data: PreparedData, shop: Shop, name: str) -> dict[str, list[Any]]:
    """What each example of a split must read, worked out row by row."""
    bounds = {"train": (0, 60), "validation": (60, 80), "test": (80, 100)}[name]
    item_of, tag_of = ids(data, "item"), ids(data, "tags")
    low, high, mean = (
        getattr(data.spec.field("price").normalization, key)  # type: ignore[union-attr]
        for key in ("low", "high", "mean")
    )

    def tags(item: str) -> list[int]:
        found = [tag_of.get(tag, 1) for tag in shop.items[item][0].split("|") if tag]
        return [*found, 0, 0][:2]

    def price(item: str) -> float:
        raw = shop.items[item][1]
        number = float(raw) if raw else mean
        return float(2 * (min(max(number, low), high) - low) / (high - low) - 1)

    rows: dict[str, list[Any]] = {}
    for user, item, time, hour, click in shop.examples:
        if not bounds[0] <= int(time) < bounds[1]:
            continue
        steps = shop.history(user, time)
        empty = STEPS - len(steps)
        values = {
            "user": ids(data, "user").get(user, 1),
            "town": ids(data, "town")[shop.users[user]],
            "item": item_of.get(item, 1),
            "tags": tags(item),
            "price": price(item),
            "hour": ids(data, "hour").get(hour, 1),
            "action": [ids(data, "action")[step[3]] for step in steps] + [0] * empty,
            "history_item": [item_of.get(step[1], 1) for step in steps] + [0] * empty,
            "history_tags": [tags(step[1]) for step in steps] + [[0, 0]] * empty,
            "history_price": [price(step[1]) for step in steps] + [0.0] * empty,
            "label": float(click),
        }
        for key, value in values.items():
            rows.setdefault(key, []).append(value)
    return rows


@pytest.mark.parametrize("name", ["validation", "test"])
def test_every_row_is_what_its_tables_say(data: PreparedData, name: str) -> None:
    found = collect(getattr(data, name).batches(32))
    wanted = expected(data, Shop(), name)
    assert set(found) == set(wanted)
    for key, values in wanted.items():
        np.testing.assert_allclose(found[key], np.array(values), rtol=1e-5, err_msg=key)


def test_an_epoch_of_training_takes_every_row_once(data: PreparedData) -> None:
    wanted = expected(data, Shop(), "train")
    size = len(wanted["label"])
    assert data.train.num_examples == size
    found = collect(data.train.batches(size, seed=3, num_steps=1))
    keys = ("user", "item", "hour", "label")
    rows = [
        sorted(zip(*(np.asarray(part[key]).tolist() for key in keys), strict=True))
        for part in (found, wanted)
    ]
    assert rows[0] == rows[1]
    assert found["history_item"].sum() == np.array(wanted["history_item"]).sum()


def test_values_of_one_field_in_the_order_of_the_rows(data: PreparedData) -> None:
    wanted = expected(data, Shop(), "test")
    for field in ("town", "item", "hour", "tags", "price", "history_tags"):
        np.testing.assert_allclose(data.test.field_values(field), np.array(wanted[field]))
    np.testing.assert_array_equal(data.test.labels, wanted["label"])
    half = data.test.limit(20, seed=1)
    assert half.num_examples == len(half.field_values("town")) == len(half.labels) == 20


def test_missing_numbers_have_flags(data: PreparedData) -> None:
    [(inputs, *_)] = data.test.batches(data.test.num_examples, missing_flags=True)
    no_price = np.isin(inputs["item"], [ids(data, "item").get(f"i{n}", -1) for n in (4, 9, 14)])
    np.testing.assert_array_equal(inputs["price_missing"], no_price)
    assert inputs["history_price_missing"].shape == (data.test.num_examples, STEPS)
    steps = np.isin(inputs["history_item"], [ids(data, "item")[f"i{n}"] for n in (4, 9, 14)])
    np.testing.assert_array_equal(inputs["history_price_missing"], steps)


def test_vocabularies_hold_what_training_reads(tmp_path: pathlib.Path) -> None:
    shop = Shop()
    # Two items, one that stands only in histories of training, and one only in later ones.
    shop.items |= {"early": ("rare", "3"), "late": ("later", "4")}
    shop.log += [("u0", "early", "0", "view"), ("u0", "late", "70", "gift")]
    shop.examples += [("u0", "i1", "59", "3", "1"), ("u0", "i1", "90", "3", "1")]
    data = prepare(tmp_path, shop)
    assert "early" in data.spec.vocabulary("item").read_values()
    assert "late" not in data.spec.vocabulary("item").read_values()
    assert "rare" in data.spec.vocabulary("tags").read_values()
    assert "later" not in data.spec.vocabulary("tags").read_values()
    assert "gift" not in data.spec.vocabulary("action").read_values()
    assert data.counts["items"] == NUM_ITEMS + 2
    assert data.counts["events"] == 302
    assert data.counts["users_without_events"] == 1


def test_history_of_another_length(data: PreparedData) -> None:
    longer = data_pipelines.load(data.folder, max_length=7)
    assert longer.spec.max_length == 7
    short, long = (collect(part.test.batches(64))["history_item"] for part in (data, longer))
    assert long.shape[1] == 7
    lengths = (long > 0).sum(axis=1)
    for row, length in enumerate(lengths):
        newest = long[row, max(0, length - STEPS) : length]
        np.testing.assert_array_equal(short[row, : len(newest)], newest)
    assert lengths.max() == 7


def test_unknown_users_and_items(tmp_path: pathlib.Path) -> None:
    shop = Shop()
    # Nothing is known of them, and there is no item or user at all in the last rows.
    shop.examples += [("stranger", "new", "85", "3", "1"), ("", "", "85", "3", "0")]
    data = prepare(tmp_path, shop)
    found = collect(data.test.batches(data.test.num_examples))
    for row in (-2, -1):
        assert found["user"][row] == found["item"][row] == found["town"][row] == 1
        assert found["tags"][row].tolist() == [0, 0]
        assert found["history_item"][row].tolist() == [0] * STEPS
    normalization = data.spec.field("price").normalization  # type: ignore[union-attr]
    middle = 2 * (normalization.mean - normalization.low) / (normalization.high - normalization.low)
    np.testing.assert_allclose(found["price"][-2:], middle - 1, rtol=1e-5)


def test_only_a_log_with_columns_of_its_own(tmp_path: pathlib.Path) -> None:
    files = {
        "events": "examples.csv",
        "behaviors": {"path": "log.csv", "user": "who", "time": "at"},
    }
    fields = [
        {"name": "item", "role": "target"},
        {"name": "hour", "role": "context"},
        {"name": "seen", "role": "behavior", "column": "what", "vocabulary": "item",
         "behavior_of": "item"},
    ]  # fmt: skip
    shop = Shop()
    # An event that does not say what it is of is no step.
    log, shop.log = shop.log, []
    for event in log:
        shop.log += [event, (event[0], "", event[2], "view")]
    description = write(tmp_path, shop, files=files, fields=fields)
    shop.log = log
    text = json.loads(description.read_text())
    del text["item"]
    description.write_text(json.dumps(text))
    data_pipelines.prepare(description, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec] == ["item", "hour", "seen"]
    assert dict(data.spec.target_to_behavior) == {"item": "seen"}
    found, item_of = collect(data.test.batches(64)), ids(data, "item")
    wanted = [
        [item_of.get(step[1], 1) for step in shop.history(user, time)]
        for user, _, time, *_ in shop.examples
        if int(time) >= 80
    ]
    np.testing.assert_array_equal(found["seen"], [row + [0] * (STEPS - len(row)) for row in wanted])


def test_rows_of_one_user_are_split_by_their_time(tmp_path: pathlib.Path) -> None:
    split = {"kind": "per_user", "train_share": 0.5, "validation_share": 0.2}
    data, parts = prepare(tmp_path, split=split), parts_by_hand(Shop())
    found = [split.num_examples for split in (data.train, data.validation, data.test)]
    assert found == [parts.count(number) for number in range(3)]
    clicks = [int(row[-1]) for row, part in zip(Shop().examples, parts, strict=True) if part == 2]
    np.testing.assert_array_equal(data.test.labels, clicks)


def parts_by_hand(shop: Shop) -> list[int]:
    parts = []
    for user, _, time, *_ in shop.examples:
        times = [int(row[2]) for row in shop.examples if row[0] == user]
        earlier = sum(other < int(time) for other in times)
        bounds = [np.ceil(round(share * len(times), 6)) for share in (0.5, 0.7)]
        parts.append(sum(earlier >= bound for bound in bounds))
    return parts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": None}, "joined by the user: name the column of the user. Received: user=None"),
        ({"time": None}, "name the column of the time. Received: time=None"),
        ({"item": None}, "need `item`, the name of the target field"),
        ({"item": "town"}, r"categorical field of role target, one of \['item'\]. .*'town'"),
        ({"item": "tags"}, r"`item` must name a categorical field"),
        ({"files": {"events": "examples.csv"}}, "`item` joins the examples.*and neither"),
        (
            {"files": {**DESCRIPTION["files"], "items": {"path": "items.csv", "id": "id"}}},
            r"`files.items` takes the keys \['path', 'key'\]. Received: \['id'\]",
        ),
        (
            {"files": {**DESCRIPTION["files"], "behaviors": {"path": "log.csv", "item": ""}}},
            "`files.behaviors.item` must be a non-empty text",
        ),
        (
            {"files": {**DESCRIPTION["files"], "behaviors": {"path": "log.csv", "item": "what"}}},
            r"log.csv lacks the columns \['user', 'when'\], .*\['who', 'what', 'at', 'action'\]",
        ),
        (
            {
                "fields": [
                    *DESCRIPTION["fields"],
                    {
                        "name": "old",
                        "role": "behavior",
                        "behavior_of": "item",
                        "vocabulary": "item",
                    },
                ]
            },
            r"The history of 'item' is that of the items.*'history_item'. Received: fields\['old'",
        ),
    ],
)
def test_wrong_descriptions(tmp_path: pathlib.Path, changes: dict[str, Any], message: str) -> None:
    description = write(tmp_path, Shop())
    changed = {**DESCRIPTION, **changes}
    kept = {key: value for key, value in changed.items() if value is not None}
    description.write_text(json.dumps(kept))
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare(description, None, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            ("u1", "i1", "soon", "view"),
            r"log.csv, column 'at', row 304, must be a number or a date",
        ),
    ],
)
def test_wrong_events(tmp_path: pathlib.Path, event: tuple[str, ...], message: str) -> None:
    shop = Shop()
    shop.log.append(event)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, shop)


def test_a_log_of_other_users(tmp_path: pathlib.Path) -> None:
    shop = Shop()
    shop.log = [("nobody", "i0", "1", "view")]
    message = "behaviors of 'shop' must have at least one event of a user with examples.*'nobody'"
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, shop)


def test_rows_with_their_own_histories_keep_their_length(tmp_path: pathlib.Path) -> None:
    files = {"events": "examples.csv"}
    description = write(tmp_path, Shop(), files=files, fields=[{"name": "hour"}])
    text = json.loads(description.read_text())
    del text["item"]
    description.write_text(json.dumps(text))
    data_pipelines.prepare(description, None, tmp_path / "data")
    with pytest.raises(ValueError, match="stored with the length .* Received: max_length=9"):
        data_pipelines.load(tmp_path / "data", max_length=9)
