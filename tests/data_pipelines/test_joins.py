"""Examples and logs whose keys meet their side tables in part, not at all, or twice."""

from __future__ import annotations

import json
import logging
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.joins import Keys, Meeting
from data_pipelines.tables import Table
from tests.data_pipelines.test_ctr_table import collect

FILES = {
    # Item x and user u9 stand in no file of their own; the last row has neither.
    "examples.csv": "user,item,when,click\n"
    "u1,a,10,1\nu1,b,20,0\nu2,a,30,1\nu3,c,40,0\n"
    "u1,a,65,1\nu2,b,66,0\n"
    "u1,x,85,1\nu9,b,86,0\n,,87,0\n",
    "items.csv": "id,kind\na,k1\nb,k2\nc,k1\n",
    "users.csv": "customer,town\nu1,Rome\nu2,Oslo\nu3,Rome\n",
    "log.csv": "who,what,at,action\n"
    "u1,a,1,view\nu1,,2,view\nu2,b,3,buy\nu1,x,4,view\n"
    # Nobody's, no time, a user without examples, and nothing at all.
    ",a,5,view\nu2,,soon,view\nnobody,y,1,view\n,,9,view\n",
}
DESCRIPTION: dict[str, Any] = {
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
    "fields": [
        {"name": "town"},
        {"name": "item", "role": "target"},
        {"name": "kind", "role": "target"},
        {"name": "action", "role": "behavior"},
    ],
    "split": {"kind": "by_time", "train_until": 60, "validation_until": 80},
}
JOINED = {
    "examples_without_user": 1,
    "examples_without_item": 1,
    "events_without_item": 3,
    "events_without_user": 1,
    "users_not_in_their_file": 1,
    "examples_of_users_not_in_their_file": 1,
    "items_not_in_their_file": 1,
    "examples_of_items_not_in_their_file": 1,
    "events_of_items_not_in_their_file": 1,
}


def prepare(folder: pathlib.Path, description: dict[str, Any], **files: str) -> dict[str, Any]:
    """Prepares the files, some of them changed; by their names without the suffix."""
    for name, text in {**FILES, **{f"{name}.csv": text for name, text in files.items()}}.items():
        (folder / name).write_text(text)
    (folder / "shop.json").write_text(json.dumps(description))
    return data_pipelines.prepare(folder / "shop.json", None, folder / "data")


def test_what_lacks_its_row_is_counted(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        counts = prepare(tmp_path, DESCRIPTION)
    assert {name: counts[name] for name in counts if name in JOINED} == JOINED
    assert json.loads((tmp_path / "data" / "data.json").read_text())["counts"] == counts
    # Those of u1, a and x, and of u2, b.
    assert (counts["rows"], counts["users"], counts["events"]) == (9, 4, 3)
    data = data_pipelines.load(tmp_path / "data")
    item_of = {v: n + 2 for n, v in enumerate(data.spec.vocabulary("item").read_values())}
    found = collect(data.test.batches(3))
    assert (
        found["history_item"][:, :3].tolist() == [[item_of["a"], item_of["x"], 0]] + [[0] * 3] * 2
    )
    assert found["town"][1:].tolist() == [1, 1]
    for message in (
        "1 examples lack the user: each is one of an unknown user.",
        "1 examples lack the item: nothing is known of it.",
        "3 events lack the item: they are no steps and were left out.",
        "1 events of the log lack the user and were left out.",
        "1 of 4 users, in 1 of 8 examples, have no row in users.csv, such as 'u9': nothing is "
        "known of them. Where they should have one, check that both files write a key alike.",
        "1 of 4 items, in 1 of 8 examples and 1 of 3 events, have no row in items.csv, such as 'x'",
    ):
        assert message in caplog.text


def test_nothing_is_counted_where_all_keys_meet(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        counts = prepare(
            tmp_path,
            DESCRIPTION,
            examples="\n".join(FILES["examples.csv"].split("\n")[:-2]) + "\n",
            log="who,what,at,action\nu1,a,1,view\nu2,b,3,buy\n",
            items=FILES["items.csv"] + "x,k1\n",
            users=FILES["users.csv"] + "u9,Oslo\n",
        )
    assert not set(counts) & set(JOINED)
    assert "no row in" not in caplog.text
    assert "lack the" not in caplog.text


def test_events_of_a_parquet_log_without_an_item(tmp_path: pathlib.Path) -> None:
    days = pd.to_datetime(["2024-05-01", "2024-05-02", "2024-05-03", None])
    pd.DataFrame(
        {"who": ["u1", "u1", "u2", "u1"], "what": ["a", None, "b", None], "at": days}
    ).to_parquet(tmp_path / "log.parquet")
    rows = [row.split(",") for row in FILES["examples.csv"].split("\n")[1:-2]]
    examples = "user,item,when,click\n" + "".join(
        f"{user},{item},2024-06-{when},{click}\n"
        for user, item, when, click in (
            (user, item, f"{10 + number}", click)
            for number, (user, item, _, click) in enumerate(rows)
        )
    )
    counts = prepare(
        tmp_path,
        {
            **DESCRIPTION,
            "files": {
                **DESCRIPTION["files"],
                "behaviors": {"path": "log.parquet", "user": "who", "item": "what", "time": "at"},
            },
            "fields": DESCRIPTION["fields"][:-1],
            "split": {"kind": "by_time", "train_share": 0.5, "validation_share": 0.25},
        },
        examples=examples,
    )
    assert (counts["events"], counts["events_without_item"]) == (2, 2)


def test_steps_that_are_columns_alone(tmp_path: pathlib.Path) -> None:
    description = {key: value for key, value in DESCRIPTION.items() if key != "item"}
    description["files"] = {
        "events": "examples.csv",
        "behaviors": {"path": "log.csv", "user": "who", "time": "at"},
    }
    description["fields"] = [
        {"name": "item", "role": "target"},
        {
            "name": "seen",
            "column": "what",
            "role": "behavior",
            "vocabulary": "item",
            "behavior_of": "item",
        },
    ]
    counts = prepare(tmp_path, description)
    assert counts["events"] == counts["events_without_item"] == 3
    assert (counts["events_without_user"], counts["examples_without_user"]) == (1, 1)


def test_an_example_without_a_user_is_told_without_side_tables(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = {key: value for key, value in DESCRIPTION.items() if key != "item"}
    description |= {"files": {"events": "examples.csv"}, "fields": ["item"]}
    with caplog.at_level(logging.WARNING):
        counts = prepare(tmp_path, description)
    assert counts["examples_without_user"] == 1
    assert "examples_without_item" not in counts
    assert "1 examples lack the user" in caplog.text


def test_the_first_row_of_a_key_counts_and_the_others_are_counted(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        counts = prepare(
            tmp_path,
            DESCRIPTION,
            # Row 4 says what row 1 does, row 6 and 7 something else, row 8 is nobody's.
            users=FILES["users.csv"] + "u1,Rome\nu9,Oslo\nu2,Rome\nu1,\nv,Rome\nv,Oslo\n",
            items=FILES["items.csv"] + "x,k1\nb,k2\n",
        )
    assert counts["repeated_rows_of_users"] == 2
    assert "repeated_rows_of_items" not in counts
    assert (
        "users.csv: 2 rows repeat the key of an earlier row with other values and were left out, "
        "since the first row of a key counts. The first of them: users.csv, column 'customer', "
        "row 6, 'u2'. Keep one row of each of the users." in caplog.text
    )
    data = data_pipelines.load(tmp_path / "data")
    town = ["", "?", *data.spec.vocabulary("town").read_values()]
    found = collect(data.validation.batches(2))["town"]
    assert [town[int(row)] for row in found] == ["Rome", "Oslo"]


def test_missing_numbers_and_sets_of_one_key_may_be_alike(tmp_path: pathlib.Path) -> None:
    fields = [
        {"name": "age", "kind": "numeric"},
        {"name": "tags", "kind": "multi_valued"},
        {"name": "item", "role": "target"},
        {"name": "action", "role": "behavior"},
    ]
    users = "customer,age,tags\nu1,,a|b\nu2,3,a\nu3,4,\nu9,5,\n"
    alike = prepare(
        tmp_path, {**DESCRIPTION, "fields": fields}, users=users + "u1,,a|b\nu2,3.0,a\nu3,4,\n"
    )
    assert "repeated_rows_of_users" not in alike
    (tmp_path / "other").mkdir()
    other = prepare(
        tmp_path / "other",
        {**DESCRIPTION, "fields": fields},
        users=users + "u1,7,a|b\nu2,,a\nu3,4,b\nu1,,a\n",
    )
    assert other["repeated_rows_of_users"] == 4


UPPER = {name: FILES[f"{name}.csv"].upper() for name in ("items", "users")}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"users": UPPER["users"].replace("CUSTOMER,TOWN", "customer,town")},
            r"At least one of the users of examples.csv, column 'user', must stand in users.csv, "
            r"column 'customer': check .* same capitals.* Received: 'U1' there, 'u1' here",
        ),
        (
            {"items": UPPER["items"].replace("ID,KIND", "id,kind")},
            r"At least one of the items of examples.csv, column 'item', must stand in items.csv, "
            r"column 'id': .*Received: 'A' there, 'a' here",
        ),
        (
            {"users": "customer,town\n"},
            r"A table of users must have at least one row: fetch .*the fields \['town'\], which "
            r"are .*Received: no row in users.csv, column 'customer', and 'u1' in examples.csv, "
            "column 'user'",
        ),
        (
            {"items": "id,kind\n"},
            r"A table of items must .*\['kind'\].* no row in items.csv, column 'id', and 'a' in",
        ),
        ({"users": ""}, "A table must have at least one column: .*an empty file, .*users.csv"),
        ({"users": "customer,town\n,Rome\n"}, "must stand in users.csv.*Received: None there"),
        (
            {"log": "who,what,at,action\nU1,a,1,view\n,a,2,view\nu1,,3,view\n"},
            r"at least one event of a user with examples: check the columns of the user, .*alike. "
            "Received: none in log.csv, column 'who', 1 rows without an item left out; such as "
            "'U1' there, 'u1' in examples.csv",
        ),
        (
            {"log": "who,what,at,action\n"},
            "Received: none in log.csv, column 'who', 'u1' in examples.csv",
        ),
    ],
)
def test_keys_that_do_not_meet_at_all(
    tmp_path: pathlib.Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, DESCRIPTION, **files)
    assert not (tmp_path / "data").exists()


def test_no_example_names_its_user(tmp_path: pathlib.Path) -> None:
    examples = FILES["examples.csv"].replace("u1,", ",").replace("u2,", ",").replace("u3,", ",")
    description = json.loads(json.dumps(DESCRIPTION))
    del description["files"]["behaviors"]
    description["fields"].pop()
    message = (
        r"At least one row must name one of the users, of which \['town'\] are read from "
        r"users.csv, column 'customer': check the column. Received: none in examples.csv, column"
    )
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, description, examples=examples.replace("u9,", ","))


NEXT_ITEM: dict[str, Any] = {
    "task": "next_item",
    "files": {
        "events": "log.csv",
        "items": {"path": "items.csv", "key": "id"},
        "users": {"path": "users.csv", "key": "customer"},
    },
    "user": "who",
    "item": "what",
    "time": "at",
    "fields": [{"name": "kind", "role": "target"}, {"name": "town"}],
}
EVENTS = "who,what,at\n" + "".join(
    f"{user},{item},{time}\n" for user in ("u1", "u2", "u8") for time, item in enumerate("abcx")
)


def test_next_item(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        counts = prepare(
            tmp_path,
            NEXT_ITEM,
            log=EVENTS + "u1,,8\n,,\nu2,,soon\n",
            items=FILES["items.csv"] + "a,k2\n",
        )
    assert counts["events"] == 12
    found = {name: value for name, value in counts.items() if "_of_" in name or "_in_" in name}
    assert found == {
        "users_not_in_their_file": 1,
        "events_of_users_not_in_their_file": 4,
        "items_not_in_their_file": 1,
        "events_of_items_not_in_their_file": 3,
        "repeated_rows_of_items": 1,
    }
    assert counts["events_without_item"] == 3
    assert "3 events lack the item: they are no steps and were left out." in caplog.text
    assert "1 of 3 users, in 4 of 12 events, have no row in users.csv, such as 'u8'" in caplog.text
    assert "column 'id', row 4, 'a'. Keep one row of each of the items." in caplog.text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"items": "id,kind\nA,k1\n"},
            "of the items of log.csv, column 'what', must .*'A' there, 'a'",
        ),
        ({"users": "customer,town\n"}, "no row in users.csv, column 'customer', and 'u1' in log"),
        ({"log": "who,what,at\nu1,,1\n"}, "none in log.csv, 1 rows without an item left out"),
    ],
)
def test_next_item_keys_that_do_not_meet_at_all(
    tmp_path: pathlib.Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, NEXT_ITEM, **{"log": EVENTS, **files})


def test_what_stands_beside_each_event_repeats_its_key(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = EVENTS.split("\n")[1:-1]
    log = "who,what,at,kind,town\n" + "".join(
        f"{row},k{number},t{number % 5}\n" for number, row in enumerate(rows)
    )
    with caplog.at_level(logging.WARNING):
        counts = prepare(tmp_path, {**NEXT_ITEM, "files": {"events": "log.csv"}}, log=log)
    assert not [name for name in counts if "repeated" in name or "_in_" in name]
    assert "repeat" not in caplog.text
    data = data_pipelines.load(tmp_path / "data")
    # The first row of each item counts: those of the first user.
    assert data.spec.vocabulary("kind").read_values() == ("k0", "k1", "k2", "k3")


def test_a_listed_item_without_events_lacks_nothing(tmp_path: pathlib.Path) -> None:
    counts = prepare(
        tmp_path,
        {**NEXT_ITEM, "item": {"column": "what", "values": [*"abcxyz"]}},
        log=EVENTS,
        users=FILES["users.csv"] + "u8,Rome\n",
    )
    assert counts["items_not_in_their_file"] == 1
    assert counts["events_of_items_not_in_their_file"] == 3


@pytest.mark.parametrize(
    ("lacking", "examples", "is_told"),
    [(5, 1, False), (6, 1, True), (5, 10, True)],
)
def test_a_few_gaps_are_counted_quietly(
    caplog: pytest.LogCaptureFixture, lacking: int, examples: int, is_told: bool
) -> None:
    # The last so many of 100 keys lack their row; the others have one example each.
    numbers = np.ones(100, np.int64)
    numbers[-lacking:] = examples
    table = Table("users.csv", lambda: iter(()))
    keys = Keys("users", "user", "string", [f"u{number}" for number in range(100)], table)
    meeting = Meeting(keys, table, np.arange(100) < 100 - lacking)
    with caplog.at_level(logging.WARNING):
        counts = meeting.counts(examples=numbers)
    assert counts == {
        "users_not_in_their_file": lacking,
        "examples_of_users_not_in_their_file": lacking * examples,
    }
    assert ("have no row in users.csv" in caplog.text) == is_told
