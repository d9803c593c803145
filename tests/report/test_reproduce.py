"""The command on the page makes the run that the page is about."""

from __future__ import annotations

import json
import shlex

import pytest

from amer_tf.cli import search as verb
from amer_tf.cli.assignments import assignments
from amer_tf.report.data_counts import data_counts
from amer_tf.report.reproduce import command, nearest_preset, reproduce
from amer_tf.search.result import SearchResult
from amer_tf.search.searcher import PROGRAMS
from amer_tf.search.settings import preset
from tests.report.conftest import change_json, record
from tests.report.reading import Page


def parsed(text):
    """The flags of `amer search`, read as the program reads them."""
    program, name, *flags = shlex.split(text)
    assert (program, name) == ("amer", "search")
    verb.FLAGS(["search", *flags])
    values = {flag: verb.FLAGS[flag].value for flag in verb.FLAGS}
    verb.FLAGS.unparse_flags()
    return values


@pytest.mark.parametrize("name", ["next_item", "ctr", "hybrid"])
def test_the_command_is_that_of_the_run(name, request):
    result = request.getfixturevalue(name)
    flags = parsed(command(record(result)))
    settings = (
        PROGRAMS[result.spec.task]
        .preset(flags["preset"], result.spec)
        .with_text(assignments("set", flags["set"]))
    )
    if flags["references"] is not None:
        settings = settings.replace(references=tuple(flags["references"]))
    assert settings.to_dict() == result.config["settings"]
    assert flags["seed"] == result.seed
    assert flags["steps"] == result.config["steps"]
    assert flags["time_limit"] == ("3600s" if name == "next_item" else None)
    data_dir = (result.run.read_json("data.json") or {}).get("data_dir", "DATA_DIR")
    assert flags["data_dir"] == data_dir


def test_limits_are_in_the_command(ctr, copy):
    folder = copy(ctr)
    limits = {"max_params": 90_000, "max_latency_ms": 12.5}
    change_json(folder / "config.json", lambda config: {**config, **limits})
    flags = parsed(command(record(SearchResult.load(folder))))
    assert (flags["max_params"], flags["max_latency_ms"]) == (90_000, 12.5)


@pytest.mark.parametrize(
    ("limits", "end"),
    [
        ({"max_params": 90_000}, "on the same versions."),
        ({"time_limit": 60.0}, "versions; this run had a time limit, and how much fits into it"),
        ({"max_latency_ms": 5.0}, "versions; this run had a limit of latency, and which archi"),
        (
            {"time_limit": 60.0, "max_latency_ms": 5.0},
            "fits into it depends on the machine; and a limit of latency, and which",
        ),
    ],
)
def test_what_is_not_the_same_again(ctr, copy, limits, end):
    folder = copy(ctr)
    change_json(folder / "config.json", lambda config: {**config, "time_limit": None, **limits})
    text = Page(reproduce(record(SearchResult.load(folder)))).text
    assert end in " ".join(text.split())


def test_a_preset_as_it_is(next_item, copy):
    folder = copy(next_item)
    settings = preset("quick").to_dict()
    change_json(folder / "config.json", lambda config: {**config, "settings": settings})
    changed = record(SearchResult.load(folder))
    assert nearest_preset(changed.spec, changed.config["settings"]) == ("quick", {})
    assert "All settings are those of the preset quick." in reproduce(changed)


def test_a_preset_of_a_hybrid_run_as_it_is(hybrid, copy):
    """A behaviour changes values of the preset; these do not differ from it."""
    folder = copy(hybrid)
    settings = PROGRAMS["ctr"].preset("paper", hybrid.spec).to_dict()
    assert settings != PROGRAMS["ctr"].preset("paper").to_dict()
    change_json(folder / "config.json", lambda config: {**config, "settings": settings})
    changed = record(SearchResult.load(folder))
    assert nearest_preset(changed.spec, changed.config["settings"]) == ("paper", {})
    assert "--set" not in command(changed)


def test_what_the_run_depends_on(ctr):
    page = Page(reproduce(record(ctr)))
    facts = {row["What"]: row["Value"] for row in page.table("What the run depends on")}
    assert facts["Seed"] == "3"
    assert facts["Checksum of the data"] == ctr.run.read_json("data.json")["digest"]
    assert facts["Checksum of the fitted spec"] == ctr.config["spec"]
    for name in ("keras", "numpy", "python"):
        assert facts[name.capitalize()] == ctr.metrics["environment"][name]
    shown = {row["Setting"] for row in page.table("Settings that differ")}
    assert shown == set(nearest_preset(ctr.spec, ctr.config["settings"])[1])


def test_counts_of_the_data(ctr):
    page = Page(data_counts(record(ctr)))
    counts = ctr.run.read_json("data.json")["counts"]
    shown = {row["What"]: row["Number"] for row in page.table("Counts")}
    assert shown["Train examples"] == f"{counts['train_examples']:,}"
    assert len(shown) == len(counts)
    fields = {row["Field"]: row for row in page.table("Fields")}
    assert set(fields) == {field.name for field in ctr.spec.fields}


def test_how_the_data_were_prepared(ctr, copy):
    folder = copy(ctr)
    words = ["amer", "prepare", "--dataset=frappe", '--split={"kind": "random"}']
    change_json(folder / "data.json", lambda data: {**data, "prepare": words})
    text = "".join(Page(reproduce(record(SearchResult.load(folder)))).text)
    assert "amer prepare" in text
    assert text.index("--dataset=frappe") < text.index("amer search")
    change_json(folder / "data.json", lambda data: {**data, "prepare": []})
    assert "amer prepare" not in reproduce(record(SearchResult.load(folder)))


def test_the_description_of_a_table_of_ones_own(ctr, copy):
    folder = copy(ctr)
    description = {"name": "shop", "files": {"events": "<é>.csv"}, "split": {"kind": "by_time"}}
    change_json(folder / "data.json", lambda data: {**data, "description": description})
    html = str(reproduce(record(SearchResult.load(folder))))
    assert "<details><summary>The description of the data: DESCRIPTION_FILE is a file" in html
    text = "".join(Page(html).text)
    assert json.dumps(description, indent=2, ensure_ascii=False) in text
    change_json(
        folder / "data.json",
        lambda data: {key: data[key] for key in data if key != "description"},
    )
    assert "DESCRIPTION_FILE is a file" not in reproduce(record(SearchResult.load(folder)))
