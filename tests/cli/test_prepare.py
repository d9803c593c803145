"""`amer prepare`."""

from __future__ import annotations

import json
import re

import pytest

import data_pipelines
from tests.cli.conftest import amer, refused


def prepare(run, folder, *options, dataset="amazon_beauty"):
    return (
        "prepare",
        f"--dataset={dataset}",
        f"--source_dir={run.source}",
        f"--data_dir={folder}",
        *options,
    )


def test_the_result_is_what_was_counted(run):
    result = run.prepared.result
    assert result["dataset"] == "amazon_beauty"
    assert result["data_dir"] == str(run.data)
    assert result["counts"] == data_pipelines.load(run.data).counts
    assert result["counts"]["users"] == 44


def test_counts_are_shown_to_people(run):
    counts = run.prepared.result["counts"]
    assert f"  events: {counts['events']:,}" in run.prepared.messages.splitlines()
    assert f"  mean: {counts['mean']:.3f}" in run.prepared.messages.splitlines()


def test_the_same_command_again_changes_nothing_and_says_so(run):
    before = {file: file.stat().st_mtime_ns for file in run.data.rglob("*")}
    again = amer(*prepare(run, run.data))
    assert again.result == run.prepared.result
    assert f"{run.data} holds these data already: nothing is done." in again.messages
    assert f"Prepared amazon_beauty in {run.data}." in run.prepared.messages
    assert {file: file.stat().st_mtime_ns for file in run.data.rglob("*")} == before


def test_flags_and_options_arrive(run, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "Beauty.txt").write_bytes((run.source / "Beauty.txt").read_bytes())
    attributes = {str(item): [item % 3] for item in range(1, 60)}
    (tmp_path / "source" / "Beauty_item2attributes.json").write_text(json.dumps(attributes))
    answer = amer(
        "prepare",
        "--dataset=amazon_beauty",
        f"--source_dir={tmp_path / 'source'}",
        f"--data_dir={tmp_path / 'data'}",
        "--max_length=4",
        "--k_core=3",
        "--split=leave_one_out",
        "--option=item_fields=colour",
        "--option=item_fields=attributes",
        "--option=item_vocabulary=train",
    )
    assert answer.code == 0, answer.messages
    data = data_pipelines.load(tmp_path / "data")
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    assert data.spec.max_length == 4
    assert [field.name for field in data.spec.catalog_fields] == ["attributes"]
    assert head["k_core"] == 3
    assert head["item_vocabulary"] == "train"


def test_a_split_with_arguments_is_json(tmp_path):
    (tmp_path / "shop.csv").write_text(
        "user,item,time\n" + "".join(f"{n % 5},{n % 7},{n}\n" for n in range(100))
    )
    (tmp_path / "shop.yaml").write_text(DESCRIPTION)
    command = ("prepare", f"--dataset={tmp_path / 'shop.yaml'}", f"--data_dir={tmp_path / 'data'}")
    answer = amer(*command, '--split={"kind": "by_time", "train_share": 0.5}', "--k_core=0")
    assert answer.code == 0, answer.messages
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    assert head["split"]["train_share"] == 0.5


def test_a_split_at_dates(tmp_path):
    days = [f"2024-01-{1 + n // 5:02}" for n in range(100)]
    (tmp_path / "shop.csv").write_text(
        "user,item,time\n" + "".join(f"{n % 5},{n % 7},{day}\n" for n, day in enumerate(days))
    )
    moments = {"train_until": "2024-01-17", "validation_until": "2024-01-19T00:00:00"}
    # A date without quotes is one to YAML.
    split = "{kind: by_time, train_until: 2024-01-17, validation_until: 2024-01-19T00:00:00}"
    (tmp_path / "shop.yaml").write_text(DESCRIPTION)
    (tmp_path / "own.yaml").write_text(f"{DESCRIPTION}name: shop\nsplit: {split}\n")
    command = ("prepare", f"--data_dir={tmp_path / 'data'}", "--k_core=0")
    own = amer(*command, f"--dataset={tmp_path / 'own.yaml'}")
    assert own.code == 0, own.messages
    assert own.result["counts"]["train_events"] == 80
    head = json.loads((tmp_path / "data" / "data.json").read_text())
    moments["train_until"] += "T00:00:00"
    assert head["split"] == {**head["split"], **moments}
    # The same moments on the command line are the same data.
    given = json.dumps({"kind": "by_time", **moments})
    again = amer(*command, f"--dataset={tmp_path / 'shop.yaml'}", f"--split={given}")
    assert again.code == 0, again.messages
    assert again.result["counts"] == own.result["counts"]
    wrong = given.replace("2024-01-17T00:00:00", "17 January")
    message = refused(*command, f"--dataset={tmp_path / 'shop.yaml'}", f"--split={wrong}")
    assert "`train_until` must be a number or a date such as 2024-05-31T12:00:00" in message


DESCRIPTION = """
task: next_item
files: {events: shop.csv}
user: user
item: item
time: time
fields: []
"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--option=k_core"], "must be written as --option=name=value"),
        (["--option==3"], "must be written as --option=name=value"),
        (
            ["--option=max_lenght=4"],
            r"Did you mean max_length\? The options of amazon_beauty must be among"
            r".*Received: \['max_lenght'",
        ),
        (["--option=item_fields=colour"], "item_fields='colour'"),
        (["--option=item_fields=atributes"], "Did you mean attributes. `item_fi"),
        (["--split=weekly"], "kind must be one of leave_one_out"),
        (["--split=random"], "split of task 'next_item' must be one of"),
        (["--k_core=40"], "40-core of 'amazon_beauty' must hold at least one event"),
        (["--max_length=0"], "--max_length=0"),
        (["--k_core=-1"], "--k_core=-1"),
    ],
)
def test_wrong_options(run, tmp_path, options, message):
    assert re.search(message, refused(*prepare(run, tmp_path / "data", *options)))
    assert not (tmp_path / "data").exists()


def test_counts_and_warnings_of_keys_that_lack_their_row(tmp_path):
    (tmp_path / "shop.csv").write_text(
        "user,item,time\n" + "".join(f"u{n % 5},{n % 7},{n}\n" for n in range(100)) + "u1,,1\n"
    )
    (tmp_path / "users.csv").write_text("user,town\nu0,a\nu1,b\nu2,a\nu3,b\n")
    (tmp_path / "shop.yaml").write_text(
        DESCRIPTION.replace("shop.csv}", "shop.csv, users: users.csv}").replace(
            "fields: []", "fields: [town]"
        )
    )
    command = ("prepare", f"--dataset={tmp_path / 'shop.yaml'}", f"--data_dir={tmp_path / 'data'}")
    answer = amer(*command)
    assert answer.code == 0, answer.messages
    lines = answer.messages.splitlines()
    for name, count in (
        ("events without item", 1),
        ("users not in their file", 1),
        ("events of users not in their file", 20),
    ):
        assert f"  {name}: {count}" in lines
        assert answer.result["counts"][name.replace(" ", "_")] == count
    assert "1 events lack the item: they are no steps and were left out." in answer.messages
    assert "1 of 5 users, in 20 of 100 events, have no row in users.csv" in answer.messages
    (tmp_path / "users.csv").write_text("user,town\nU0,a\nU1,b\n")
    message = refused(*command[:2], f"--data_dir={tmp_path / 'other'}")
    assert "must stand in users.csv, column 'user'" in message
    assert "Received: 'U0' there, 'u0' here" in message


def test_wrong_sources(run, tmp_path):
    folder = tmp_path / "data"
    for arguments, message in (
        (prepare(run, folder, dataset="amazon_buty"), "Did you mean amazon_beauty"),
        (prepare(run, folder, dataset="shop.yaml"), "shop.yaml"),
        (("prepare", "--dataset=steam", f"--data_dir={folder}"), "`source_dir` must name"),
        (
            ("prepare", "--dataset=steam", f"--source_dir={tmp_path}", f"--data_dir={folder}"),
            "`source_dir` must hold",
        ),
    ):
        assert message in refused(*arguments)


def test_other_options_need_another_folder(run):
    assert "prepared otherwise" in refused(*prepare(run, run.data, "--max_length=7"))
