"""Next-item data from raw events: filters, order, splits, and the ways in which data are wrong."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import data_pipelines
from amer_tf.features import CategoricalField
from data_pipelines import DataError, PreparedData, event_log
from data_pipelines.next_item import prepare_next_item
from data_pipelines.sources import Source, next_item_spec
from data_pipelines.tables import table_of_rows
from tests.data_pipelines.conftest import small_sequences, write_beauty

DESCRIPTION = """
task: next_item
files: {events: events.csv}
user: user
item: item
time: time
fields: []
"""


def prepare(folder: pathlib.Path, events: str, **options: Any) -> PreparedData:
    """Prepares lines `user,item,time`."""
    folder.mkdir(exist_ok=True)
    (folder / "events.csv").write_text("user,item,time\n" + events)
    (folder / "shop.yaml").write_text(DESCRIPTION)
    data_pipelines.prepare(folder / "shop.yaml", None, folder / "data", **options)
    return data_pipelines.load(folder / "data")


def histories(data: PreparedData) -> dict[str, list[str]]:
    """Raw items of each user's training events."""
    items = np.array(["", "?", *data.spec.vocabulary("item_id").read_values()])
    users, ids = data.train.interactions()
    raw = data.train._store.raw_users()
    return {
        str(raw[user]): items[ids[users == user]].tolist() for user in np.unique(users).tolist()
    }


def test_events_are_in_the_order_of_time_and_ties_in_that_of_the_file(
    tmp_path: pathlib.Path,
) -> None:
    data = prepare(
        tmp_path, "a,x,5\nb,p,1\na,y,3\nb,q,1\na,z,3\na,x,4\nb,p,1\na,last,9\na,end,9\nb,r,1\n"
    )
    assert histories(data) == {"a": ["y", "z", "x", "x"], "b": ["p", "q"]}


def test_duplicated_events_stay(tmp_path: pathlib.Path) -> None:
    data = prepare(tmp_path, "a,x,1\na,x,1\na,x,1\na,y,2\na,x,3\nb,y,1\n")
    assert data.counts["events"] == 6
    assert histories(data)["a"] == ["x", "x", "x"]


def test_chunks_make_no_difference(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    events = "".join(
        f"u{user},i{item},{time}\n"
        for user, item, time in random.integers(0, [12, 20, 30], (400, 3))
    )
    whole = prepare(tmp_path / "whole", events, k_core=3)
    monkeypatch.setattr(event_log, "CHUNK_ROWS", 17)
    monkeypatch.setattr("data_pipelines.filters.CHUNK_ROWS", 23)
    monkeypatch.setattr("data_pipelines.delimited.CHUNK_ROWS", 41)
    parts = prepare(tmp_path / "parts", events, k_core=3)
    for file in sorted(whole.folder.glob("*.records")):
        assert file.read_bytes() == (parts.folder / file.name).read_bytes(), file.name
    assert whole.spec == parts.spec


def test_users_with_few_events_train_alone(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        data = prepare(
            tmp_path, "a,x,1\nb,x,1\nb,y,2\nc,x,1\nc,y,2\nc,z,3\nd,w,1\nd,x,2\nd,y,3\nd,z,4\n"
        )
    assert "2 users have fewer than two training events" in caplog.text
    assert data.counts["users_without_train_example"] == 2
    assert data.train.num_examples == 2
    assert data.test.users.tolist() == ["c", "d"]
    assert histories(data) == {"a": ["x"], "b": ["x", "y"], "c": ["x"], "d": ["w", "x"]}
    for inputs, labels in data.train.batches(8, num_steps=5, num_negatives=2):
        assert (inputs["history_item_id"].numpy()[:, 0] >= 2).all()
        assert (labels["positives"].numpy()[:, 0] >= 2).all()


def test_items_beyond_the_training_split(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    events = "a,x,1\na,y,2\na,z,3\na,new,4\nb,x,1\nb,y,2\nb,x,3\nb,y,4\n"
    catalog = prepare(tmp_path / "catalog", events)
    assert catalog.counts["unknown_test_targets"] == 0
    assert set(catalog.spec.vocabulary("item_id").values) == {"x", "y", "z", "new"}
    with caplog.at_level("WARNING"):
        train = prepare(tmp_path / "train", events, item_vocabulary="train")
    assert set(train.spec.vocabulary("item_id").values) == {"x", "y"}
    assert "1 test examples ask for an item that training lacks" in caplog.text
    assert train.counts["unknown_validation_targets"] == 1
    [(inputs, labels)] = train.test.batches(2, candidates=None)
    assert labels["target"].numpy()[0] == 1
    assert inputs["history_item_id"].numpy()[0, :3].tolist() == [2, 3, 1]


def test_by_time_shows_only_what_is_earlier(tmp_path: pathlib.Path) -> None:
    split = {"kind": "by_time", "train_until": 10, "validation_until": 20}
    data = prepare(
        tmp_path,
        "a,x,1\na,y,9\na,z,10\na,w,19\na,v,20\na,x,25\nb,x,2\nb,y,3\nb,z,30\nc,x,15\nc,y,25\nd,x,22\n",
        split=split,
    )
    assert histories(data) == {"a": ["x", "y"], "b": ["x", "y"]}
    # By time the items that are known are those of the training split.
    assert set(data.spec.vocabulary("item_id").values) == {"x", "y"}
    assert data.validation.users.tolist() == ["a"]
    assert data.test.users.tolist() == ["a", "b", "c"]
    [(inputs, _)] = data.test.batches(3, candidates=None)
    lengths = (inputs["history_item_id"].numpy() > 0).sum(axis=1)
    assert lengths.tolist() == [4, 2, 1]
    assert data.counts["users_without_train_example"] == 2


def test_by_time_at_dates(tmp_path: pathlib.Path) -> None:
    events = "a,x,2024-01-05\na,y,2024-01-06\na,z,2024-01-07\na,w,2024-01-08T12:00:00\n"
    split = {"kind": "by_time", "train_until": "2024-01-07", "validation_until": "2024-01-08"}
    data = prepare(tmp_path, events, split=split)
    assert histories(data) == {"a": ["x", "y"]}
    assert data.validation.num_examples == data.test.num_examples == 1
    numbers = {"kind": "by_time", "train_until": 20240107, "validation_until": 20240108}
    with pytest.raises(DataError, match="`train_until` must be on the clock of the times: a date"):
        prepare(tmp_path / "other", events, split=numbers)


def test_by_time_with_shares(tmp_path: pathlib.Path) -> None:
    events = "".join(f"u{time % 5},i{time % 7},{time}\n" for time in range(100))
    data = prepare(tmp_path, events, split="by_time")
    assert data.counts["train_events"] == 80
    assert data.validation.num_examples == data.test.num_examples == 5


def test_an_unknown_item_is_neither_positive_nor_negative(tmp_path: pathlib.Path) -> None:
    (tmp_path / "events.csv").write_text(
        "user,item,time\n"
        + "".join(f"a,{'xyxyr'[i % 5]},{i}\n" for i in range(12))
        + "".join(f"b,{'pqpqt'[i % 5]},{i}\n" for i in range(12))
    )
    (tmp_path / "shop.yaml").write_text(
        DESCRIPTION.replace("item: item", "item: {column: item, max_size: 4}")
    )
    data_pipelines.prepare(tmp_path / "shop.yaml", None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    assert (data.train.interactions()[1] == 1).any()
    for inputs, labels in data.train.batches(16, num_steps=10):
        assert (inputs["history_item_id"].numpy() == 1).any()
        assert not (labels["positives"].numpy() == 1).any()
        assert (labels["negatives"].numpy() >= 2).all()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("", "'shop' must have at least one event. Received: none in events.csv"),
        ("a,x,1\na,y,2\nb,x,1\n", "The validation split must have at least one example"),
        ("a,x,1\nb,y,2\n", "The training split must have at least one example"),
        (
            "a,x,1\n,,2\n,y,2\n,z,2\n",
            "events.csv, column 'user', row 3, must not be empty: leave such rows out of the file, "
            "or check that this is the right column. "
            "Received: '', in 2 of the 3 rows that were read with this one",
        ),
        ("a,,1\na,,2\n", "Received: none in events.csv, 2 rows without an item left out"),
        ("a,x,1\na,y,\n", "events.csv, column 'time', row 2, must be a number or a date"),
        ('a,x,1\na,y,2\na,"z\nz",3\na,x,4\n', "'item_id' must not hold line breaks"),
    ],
)
def test_wrong_events(tmp_path: pathlib.Path, events: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, events)
    assert not (tmp_path / "data").exists()


def test_k_core(tmp_path: pathlib.Path) -> None:
    folder = write_beauty(tmp_path / "source", small_sequences())
    counts = data_pipelines.prepare("amazon_beauty", folder, tmp_path / "data", k_core=4)
    assert counts["min"] >= 4
    data = data_pipelines.load(tmp_path / "data")
    _, items = data.train.interactions()
    with pytest.raises(DataError, match="9-core of 'amazon_beauty' must hold at least one event"):
        data_pipelines.prepare("amazon_beauty", folder, tmp_path / "other", k_core=9)
    assert len(items) == counts["train_events"]


def test_catalog_rows_are_those_of_the_items(beauty: PreparedData) -> None:
    assert beauty.catalog is not None
    assert beauty.catalog.shape == (62, 8)
    assert beauty.catalog[:2].tolist() == [[0] * 8] * 2
    attributes = beauty.spec.vocabulary("attributes").values
    for item, row in zip(beauty.spec.vocabulary("item_id").values, beauty.catalog[2:], strict=True):
        raw = [attributes[code - 2] for code in row if code]
        assert raw == [1 + item % 3, 10 + item % 5]
    assert [field.name for field in beauty.spec.input_fields] == ["history_item_id"]


def test_fields_need_their_table(tmp_path: pathlib.Path) -> None:
    # What the author of a loader may forget.
    source = Source(
        name="shop",
        spec=next_item_spec(other_fields=[CategoricalField("town")]),
        events=table_of_rows("events", ("user_id", "item_id"), lambda: [("a", "x")] * 5),
    )
    with pytest.raises(
        DataError, match=r"The fields \['town'\] need a table with the column 'user_id'"
    ):
        prepare_next_item(source, tmp_path, tmp_path)


EVENTS = "a,x,1\na,y,2\na,z,3\na,x,4\nb,x,1\nb,y,2\nb,z,3\nlate,y,3\nlate,x,9\n"


def test_the_id_of_the_user_as_a_field(tmp_path: pathlib.Path) -> None:
    (tmp_path / "users.csv").write_text("user,town\nb,Rome\n")
    description = DESCRIPTION.replace("events.csv}", "events.csv, users: users.csv}").replace(
        "fields: []", "fields: [{name: town, role: profile}]"
    )
    (tmp_path / "events.csv").write_text("user,item,time\n" + EVENTS)
    (tmp_path / "shop.yaml").write_text(description + "user_id_field: true\n")
    counts = data_pipelines.prepare(tmp_path / "shop.yaml", None, tmp_path / "data")
    assert counts["users"] == 3
    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.group == "user_id"
    assert [field.name for field in data.spec.with_role("profile")] == ["town", "user_id"]
    values = ["", "?", *data.spec.vocabulary("user_id").read_values()]
    town = ["", "?", *data.spec.vocabulary("town").read_values()]
    [(inputs, _)] = data.test.batches(2, candidates=None)
    assert [values[row] for row in inputs["user_id"].numpy()] == data.test.users.tolist()
    assert (
        dict(zip(data.test.users, (town[row] for row in inputs["town"].numpy()), strict=True))["b"]
        == "Rome"
    )
    # A table of users that lacks one, and no table at all, say nothing of the ids.
    plain = prepare(tmp_path / "plain", EVENTS, user_id_field=True)
    assert [field.name for field in plain.spec.with_role("profile")] == ["user_id"]
    without = prepare(tmp_path / "without", EVENTS)
    assert plain.test.users.tolist() == without.test.users.tolist()
    assert histories(plain) == histories(without)


@pytest.mark.parametrize("wrong", ["yes", 1, None])
def test_user_id_field_is_true_or_false(tmp_path: pathlib.Path, wrong: object) -> None:
    with pytest.raises(DataError, match="`user_id_field` must be true or false"):
        prepare(tmp_path, EVENTS, user_id_field=wrong)
