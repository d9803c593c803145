from __future__ import annotations

import json
import pathlib
from typing import Any

import pandas as pd
import pytest

import data_pipelines
from data_pipelines import DataError

NEXT_ITEM: dict[str, Any] = {
    "task": "next_item",
    "files": {"events": "events-*.csv"},
    "user": "customer",
    "item": "sku",
    "fields": [],
}
EVENTS = "customer,sku,when\n" + "".join(
    f"c{user},{10 * user + item},{100 - item}\n" for user in range(3) for item in range(5)
)


def describe(folder: pathlib.Path, suffix: str = ".json", **changes: Any) -> pathlib.Path:
    (folder / "events-1.csv").write_text(EVENTS)
    file = folder / f"shop{suffix}"
    file.write_text(json.dumps({**NEXT_ITEM, **changes}))
    return file


def prepare(folder: pathlib.Path, **changes: Any) -> data_pipelines.PreparedData:
    data_pipelines.prepare(describe(folder, **changes), None, folder / "data")
    return data_pipelines.load(folder / "data")


def test_the_smallest_description(tmp_path: pathlib.Path) -> None:
    data = prepare(tmp_path)
    assert data.spec.task == "next_item"
    assert [field.name for field in data.spec] == ["history_item_id", "item_id"]
    assert data.test.users.tolist() == ["c0", "c1", "c2"]
    assert data.counts["events"] == 15


def test_yaml_and_another_source_folder(tmp_path: pathlib.Path) -> None:
    (tmp_path / "files").mkdir()
    file = describe(tmp_path, suffix=".yaml")
    (tmp_path / "events-1.csv").rename(tmp_path / "files" / "events-1.csv")
    counts = data_pipelines.prepare(file, tmp_path / "files", tmp_path / "data")
    assert counts["users"] == 3


def test_what_two_patterns_find_is_read_once(tmp_path: pathlib.Path) -> None:
    data = prepare(
        tmp_path, files={"events": ["events-1.csv", "*-1.csv", str(tmp_path) + "/./events-1.csv"]}
    )
    assert data.counts["events"] == 15


def test_a_name_with_brackets_is_no_pattern(tmp_path: pathlib.Path) -> None:
    file = describe(tmp_path, files={"events": "events[1].csv"})
    (tmp_path / "events-1.csv").rename(tmp_path / "events[1].csv")
    (tmp_path / "events1.csv").write_text("another,file\n")
    assert data_pipelines.prepare(file, None, tmp_path / "data")["events"] == 15


def test_options_replace_what_the_description_says(tmp_path: pathlib.Path) -> None:
    file = describe(tmp_path, k_core=3)
    with pytest.raises(DataError, match="3-core of 'shop' must hold at least one event"):
        data_pipelines.prepare(file, None, tmp_path / "data")
    counts = data_pipelines.prepare(file, None, tmp_path / "data", k_core=0, max_length=2)
    assert counts["items"] == 15
    assert data_pipelines.load(tmp_path / "data").spec.max_length == 2


def test_dtypes_and_vocabulary_options(tmp_path: pathlib.Path) -> None:
    data = prepare(
        tmp_path,
        user={"column": "customer", "dtype": "string"},
        item={"column": "sku", "dtype": "int64", "max_size": 4},
    )
    assert data.spec.vocabulary("item_id").size == 4
    assert data.counts["known_items"] == 4


def test_rare_items_are_unknown_where_the_catalog_is_not(tmp_path: pathlib.Path) -> None:
    file = describe(tmp_path, item={"column": "sku", "min_count": 2}, item_vocabulary="train")
    (tmp_path / "events-1.csv").write_text(
        "customer,sku\n"
        + "".join(f"c{user},{item}\n" for user in range(3) for item in (7, user, 8, 9))
    )
    data_pipelines.prepare(file, None, tmp_path / "data")
    assert data_pipelines.load(tmp_path / "data").spec.vocabulary("item_id").values == ("7",)


def test_fields_may_be_called_user_item_and_time(tmp_path: pathlib.Path) -> None:
    names = ["user", "item", "time"]
    fields = [{"name": name, "column": "when", "role": "context"} for name in names]
    data = prepare(tmp_path, fields=fields)
    assert [field.name for field in data.spec.with_role("context")] == names


def test_the_vocabulary_of_the_item_may_stand_among_the_others(tmp_path: pathlib.Path) -> None:
    data = prepare(tmp_path, vocabularies=[{"name": "item_id", "dtype": "int64", "max_size": 3}])
    assert data.spec.vocabulary("item_id").size == 3
    assert data.spec.vocabulary("item_id").dtype == "int64"


def test_a_vocabulary_from_a_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "skus.txt").write_text("".join(f"{sku}\n" for sku in range(40)))
    data = prepare(tmp_path, item={"column": "sku", "dtype": "int64", "file": "skus.txt"})
    assert data.spec.vocabulary("item_id").read_values() == tuple(range(40))
    users, items = data.train.interactions()
    assert items[users == 1].tolist() == [12, 13, 14]


def test_files_of_items_and_users(tmp_path: pathlib.Path) -> None:
    pd.DataFrame(
        {"id": [0, 1, 10], "title": ["zero", "one", None], "kind": ["a", "b", "a"]}
    ).to_parquet(tmp_path / "items.parquet")
    (tmp_path / "users.csv").write_text("customer,town\nc0,x\nc2,y\nc0,z\n")
    data = prepare(
        tmp_path,
        files={
            "events": ["events-1.csv"],
            "items": {"path": "items.parquet", "key": "id"},
            "users": "users.csv",
        },
        item={"column": "sku", "dtype": "int64"},
        item_name="title",
        fields=[{"name": "kind", "role": "target"}, {"name": "home", "column": "town"}],
    )
    assert data.item_names == {"0": "zero", "1": "one"}
    items = data.spec.vocabulary("item_id").values
    kinds = {item: int(data.catalog[row, 0]) for row, item in enumerate(items, 2)}
    # "a" stands with two items, "b" with one; of the others nothing is known.
    assert [kinds[item] for item in (0, 1, 10, 20)] == [2, 3, 2, 1]
    assert data.catalog[:2].tolist() == [[0], [1]]
    [(inputs, _)] = data.test.batches(3, candidates=None)
    assert inputs["home"].numpy().tolist() == [2, 1, 3]


def test_what_has_no_file_of_its_own_stands_beside_the_events(tmp_path: pathlib.Path) -> None:
    lines = ["customer,sku,kind,town,price,store"]
    for user in range(3):
        for item in range(5):
            lines.append(f"c{user},{item},{'ab'[item % 2]},t{user},{item}.5,s{item}")
    file = describe(
        tmp_path,
        fields=[
            {"name": "kind", "role": "target"},
            {"name": "town", "role": "profile"},
            {"name": "history_price", "column": "price", "kind": "numeric", "role": "behavior"},
            {"name": "store", "role": "context"},
        ],
        max_length=4,
    )
    (tmp_path / "events-1.csv").write_text("\n".join(lines) + "\n")
    data_pipelines.prepare(file, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec.input_fields] == [
        "history_item_id", "town", "history_price", "store",
    ]  # fmt: skip
    [(inputs, labels)] = data.test.batches(3, candidates=None)
    stores = data.spec.vocabulary("store").values
    # The store of the asked event was never seen in training.
    assert inputs["store"].numpy().tolist() == [1, 1, 1]
    assert set(stores) == {"s0", "s1", "s2"}
    # Fitted to the prices 0.5 ... 2.5 of the training events, beyond which 3.5 is clipped.
    assert inputs["history_price"].numpy().tolist() == [[-1.0, 0.0, 1.0, 1.0]] * 3
    assert inputs["town"].numpy().tolist() == [2, 3, 4]
    assert labels["target"].numpy().tolist() == [6, 6, 6]
    kinds = data.catalog[2:, 0]
    assert kinds.tolist() == [2, 3, 2, 3, 2]


def test_other_fields_may_share_the_vocabulary_of_the_item(tmp_path: pathlib.Path) -> None:
    lines = ["customer,sku,shown,weight"]
    for user in range(3):
        lines += [f"c{user},{item},{(item + 1) % 6},{item}" for item in range(5)]
    file = describe(
        tmp_path,
        item={"column": "sku", "dtype": "int64"},
        fields=[
            {"name": "shown", "role": "context", "vocabulary": "item_id"},
            {"name": "weight", "role": "target", "kind": "numeric"},
            {"name": "page", "column": "shown", "role": "context", "vocabulary": "page"},
        ],
        vocabularies=[
            {"name": "page", "values": ["0", "5"]},
        ],
    )
    (tmp_path / "events-1.csv").write_text("\n".join(lines) + "\n")
    data_pipelines.prepare(file, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    values = data.spec.vocabulary("shown").values
    assert values == data.spec.vocabulary("item_id").values
    [(inputs, _)] = data.validation.batches(3, candidates=None)
    # At the event of item 3 item 4 is shown; at that of item 4 an item that is not in the catalog.
    assert [values[code - 2] for code in inputs["shown"].numpy()] == [4, 4, 4]
    [(inputs, _)] = data.test.batches(3, candidates=None)
    assert inputs["shown"].numpy().tolist() == [1, 1, 1]
    assert inputs["page"].numpy().tolist() == [3, 3, 3]
    # What is known of an item is normalised alike in the catalog and in the history.
    normalization = data.spec.field("weight").normalization
    assert normalization == data.spec.field("history_weight").normalization
    assert (normalization.low, normalization.high) == (0, 4)
    weights = data.catalog[:, 0].copy().view("float32")
    assert [weights[values.index(item) + 2] for item in (0, 2, 4)] == [-1, 0, 1]


def test_a_field_can_be_a_name_alone_and_the_user_its_own_column(tmp_path: pathlib.Path) -> None:
    lines = [f"u{row % 5},{row % 2}\n" for row in range(100)]
    (tmp_path / "a.csv").write_text("user,click\n" + "".join(lines))
    description = {
        "task": "ctr",
        "files": {"events": "a.csv"},
        "label": "click",
        "user": "user",
        "fields": ["user"],
    }
    (tmp_path / "a.json").write_text(json.dumps(description))
    data_pipelines.prepare(tmp_path / "a.json", None, tmp_path / "data")
    assert data_pipelines.load(tmp_path / "data").spec.group == "user"
    with pytest.raises(DataError, match=r"options of task next_item. Received: k_core"):
        data_pipelines.prepare(tmp_path / "a.json", None, tmp_path / "other", k_core=2)
    description["fields"] = [{"name": "user", "column": "ad"}]
    (tmp_path / "a.json").write_text(json.dumps(description))
    with pytest.raises(DataError, match="must be the column 'user', .* Received: column='ad'"):
        data_pipelines.prepare(tmp_path / "a.json", None, tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"taks": 1},
            r"^Did you mean task. A description takes the keys .*Received: \['taks'\]",
        ),
        ({"colour": 1}, r"^A description takes the keys .*Received: \['colour'\]"),
        ({"max_lenght": 5}, r"^Did you mean max_length. A description takes"),
        (
            {"fields": [{"name": "x", "vocabulry": "y"}]},
            r"^Did you mean vocabulary. fields\['x'\], which is categorical, takes",
        ),
        (
            {"fields": [{"name": "x", "kind": "categorcal"}]},
            r"^Did you mean categorical. fields\['x'\].kind must be one of",
        ),
        (
            {"fields": [{"name": "x", "role": "targt"}]},
            "role must be one of .*Did you mean target. ",
        ),
        ({"split": "by_tim"}, "^Did you mean by_time. A split's kind must be one of"),
        (
            {"split": {"kind": "by_time", "train_shar": 0.5}},
            r"^Did you mean train_share. A split of kind 'by_time' takes \['",
        ),
        ({"task": "rank"}, "`task` must be one of next_item, ctr. Received: task='rank'"),
        ({"files": {"items": "a.csv"}}, r"`files` must have the keys \['events'\]"),
        ({"files": {"events": 5}}, "must name files by text or lists of text. Received: 5"),
        ({"files": {"events": "no.csv"}}, "`source_dir` must hold no.csv"),
        ({"fields": "kind"}, "`fields` must be a list. Received: fields='kind'"),
        ({"fields": [{"kind": "numeric"}]}, "A field must be a mapping with a name"),
        (
            {"fields": [{"name": "x", "kind": "text"}]},
            r"fields\['x'\].kind must be one of categorical, multi_valued, numeric",
        ),
        (
            {"fields": [{"name": "x", "log": True}]},
            r"fields\['x'\], which is categorical, takes the keys .*Received: \['log'\]",
        ),
        (
            {"fields": [{"name": "x"}, {"name": "x"}]},
            "Field names must differ. Received twice: 'x'",
        ),
        ({"fields": [{"name": "x y"}]}, "'shop' is wrong: A field's name must be a letter"),
        ({"fields": [{"name": "x", "role": "other"}]}, "is wrong: .*role must be one of"),
        ({"fields": [{"name": "price"}]}, r"csv lacks the columns \['price'\], which"),
        (
            {"item": {"column": "sku", "dtype": "float"}},
            "`item.dtype` must be one of string, int64. Received: 'float'",
        ),
        ({"item": {"name": "sku"}}, r"`item` takes the keys .* Received: \['name'\]"),
        ({"user": "who"}, r"events-1.csv lacks the columns \['who'\]"),
        ({"label": "x"}, "`label` is a key of task ctr. Received: label='x'"),
        ({"task": "ctr", "label": "x", "k_core": 5}, "`k_core` is a key of task next_item"),
        ({"vocabularies": [{"nam": "x"}]}, r"A vocabulary takes the keys .*Received: \['nam'\]"),
        ({"vocabularies": [{"name": "x", "file": "x.txt"}]}, "A file is missing"),
        (
            {"format": {"separator": "::"}},
            "`separator` must be one character.* Received: separator='::'",
        ),
        ({"format": {"encoding": "utf-9"}}, "`encoding` must be one that Python knows.*'utf-9'"),
        ({"files": {"events": "/no/such/file.csv"}}, "`source_dir` must hold /no/such/file.csv"),
        ({"files": {"events": "**x"}}, "patterns such as events-.*: Invalid .*Received: '\\*\\*x'"),
        ({"files": {"events": [""]}}, r"must name files by text .* Received: \[''\]"),
        ({"format": {"sep": ";"}}, r"`format` takes the keys .*Received: \['sep'\]"),
        ({"max_length": 0}, "is wrong: max_length must be an integer of at least 1"),
        ({"item_vocabulary": "all"}, "`item_vocabulary` must be one of catalog, train"),
        ({"k_core": "5"}, "`k_core` must be an integer of at least 0. Received: k_core='5'"),
        ({"split": "random"}, "of task 'next_item' must be one of leave_one_out, by_time"),
        ({"split": "by_time"}, "needs a column of times that can be compared"),
        ({"name": "a\ud800"}, r"ones that a file can hold.*Received: 'a\\ud800' in .*shop.json"),
        ({"item": {"column": "sku", "file": "a\0"}}, r"ones that a file can hold.* 'a\\x00' in"),
        (
            {"fields": [{"name": "when", "kind": "multi_valued", "max_values": 10**30}]},
            r"at most 16,777,216 values in a row: .*Received: 'when' with \(1000",
        ),
        ({"name": 5}, "`name` must be a non-empty text. Received: 5"),
        ({"time": ["when"]}, r"`time` must be a non-empty text. Received: \['when'\]"),
        ({"item_name": ""}, "`item_name` must be a non-empty text. Received: ''"),
        (
            {"files": {"events": "events-1.csv", "items": {"path": "events-1.csv", "key": 5}}},
            "`files.items.key` must be a non-empty text. Received: 5",
        ),
        (
            {"fields": [{"name": "user_id", "column": "when"}]},
            r"another name than user_id and item_id, .*Received: fields\['user_id'\]",
        ),
        (
            {"fields": [{"name": "item_id", "column": "when", "role": "context"}]},
            r"another name than user_id and item_id, .*Received: fields\['item_id'\]",
        ),
        (
            {"fields": [{"name": "when", "role": "behavior", "behavior_of": "item_id"}]},
            r"`behavior_of` is a key of task ctr.*fields\['when'\].behavior_of='item_id'",
        ),
        (
            {"vocabularies": [{"name": "wen"}], "fields": ["when"]},
            r"^Did you mean when. .*names; those are \['item_id', 'when'\]. "
            "Received: 'wen'",
        ),
        (
            {"vocabularies": [{"name": "when"}, {"name": "when"}], "fields": ["when"]},
            "Vocabulary names must differ. Received twice: 'when'",
        ),
        (
            {
                "item": {"column": "sku", "max_size": 3},
                "vocabularies": [{"name": "item_id", "max_size": 4}],
            },
            "Vocabulary names must differ. Received twice: 'item_id'",
        ),
        (
            {"item": {"column": "sku", "min_count": 2}},
            "takes `min_count` with item_vocabulary 'train' alone.*Received: min_count=2, item_voc",
        ),
    ],
)
def test_wrong_descriptions(tmp_path: pathlib.Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, **changes)
    assert not (tmp_path / "data").exists()


def test_a_description_must_name_what_it_needs(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "shop.json"
    file.write_text(json.dumps({"task": "next_item", "files": {"events": "x"}}))
    with pytest.raises(DataError, match=r"must have the keys .*Received: no \['fields'\]"):
        data_pipelines.prepare(file, None, tmp_path / "data")
    file.write_text(json.dumps({"task": "next_item", "files": {"events": "x"}, "fields": []}))
    with pytest.raises(DataError, match=r"Received: no \['user', 'item'\]"):
        data_pipelines.prepare(file, None, tmp_path / "data")
    file.write_text(json.dumps({"task": "ctr", "files": {"events": "x"}, "fields": []}))
    with pytest.raises(DataError, match="`label` must name a column. Received: label=None"):
        data_pipelines.prepare(file, None, tmp_path / "data")
