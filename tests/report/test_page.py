"""The whole page: complete, by itself, well-formed, and about the run."""

from __future__ import annotations

import json
import os
import re

import pytest

from amer_tf.report import write_report
from amer_tf.report.page import REPORT_FILE, page
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from tests.report.conftest import change_json, change_trials, record
from tests.report.reading import Page

COMMON = ["What was found", "Leaderboard", "On data that took no part"]
ENDING = ["Learning curves", "Quality against size", "Where the time went"]
LAST = ["Data", "How to get it again"]
SAMPLING = ["Inherited scores", "How soon the best was found"]


@pytest.fixture(params=["next_item", "ctr", "hybrid"])
def found(request, pages):
    return pages[request.param]


def page_of(*results):
    return Page(page([record(result) for result in results]))


def test_what_was_searched_and_what_stands_in(hybrid, copy):
    """The paper's number of the steps is explained, and what the result has in their place told."""
    folder = copy(hybrid)
    behavior = {"blocks": [], "interactions": []}

    def text(**changes):
        change_json(folder / "architecture.json", lambda known: {**known, **changes})
        return page_of(SearchResult.load(folder)).text

    settings = hybrid.config["settings"]
    predefined = [{"activation": "relu", "units": units} for units in settings["behavior_units"]]
    start = (
        "Searched: the network that reads a user's behaviour, the feature interactions, the MLP "
        "that joins everything (AMER-123, as the paper numbers these steps). "
    )
    assert f"{start}The result has no blocks and no interactions in place of" in text(
        **behavior, mlp=[{"activation": "relu", "units": 7}]
    )
    assert (
        f"{start}The result has no blocks and no interactions and the predefined MLP in place of "
        "what was searched. Seed "
    ) in text(mlp=predefined)
    found = {"interactions": [["ad", "user"]], "mlp": [{"activation": "swish", "units": 7}]}
    blocks = [{"norm": "none", "layer": "conv_1", "activation": "relu"}]
    assert f"{start}Seed " in text(**found, blocks=blocks)


def test_the_page_stands_by_itself(found):
    assert found.resources() == []
    assert not re.search(r"https?://|<script|javascript:", found.source)
    assert "file://" not in found.source


def test_the_page_is_well_formed(found):
    assert found.unclosed == []
    assert len(found.ids) == len(set(found.ids))
    names = {link[1:] for link in found.links}
    assert names
    assert names <= set(found.ids)
    assert "$" not in re.sub(r"<style>.*?</style>", "", found.source, flags=re.DOTALL)


def test_every_picture_says_what_it_shows(found):
    assert found.labels
    assert all(found.labels)
    pictures = re.findall(r"<figure>.*?</figure>", found.source, flags=re.DOTALL)
    assert pictures
    assert all("<figcaption>" in picture and "<title>" in picture for picture in pictures)


def test_tables_have_headers(found):
    assert found.tables
    assert found.source.count("<table>") == found.source.count("<caption>")
    assert found.source.count('<tr><th scope="col"') == len(found.tables)


def test_the_parts_of_each_task(pages):
    assert pages["next_item"].headings[1:] == [*COMMON, *SAMPLING, *ENDING, *LAST]
    for name in ("ctr", "hybrid"):
        expected = [*COMMON, "Interactions", *SAMPLING, *ENDING, *LAST]
        assert pages[name].headings[1:] == expected


def test_pictures_of_what_each_task_searches(pages):
    texts = [page.source for page in pages.values()]
    assert ["<h3>Behaviour network</h3>" in text for text in texts] == [True, False, True]
    assert ["<h3>MLP</h3>" in text for text in texts] == [False, True, True]


def test_parts_that_a_run_has_not(ctr, copy):
    folder = copy(ctr)
    change_json(
        folder / "phases.json",
        lambda phases: {name: {} for name in phases},
    )
    change_json(
        folder / "metrics.json",
        lambda metrics: {key: metrics[key] for key in ("validation", "seconds")},
    )
    kept = [trial for trial in ctr.run.trials() if trial["kind"] == "scratch"]
    (folder / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in kept))
    (folder / "data.json").unlink()
    found = page_of(SearchResult.load(folder))
    assert found.headings == [
        *("Search report", "What was found", "Leaderboard", "Interactions"),
        *("Quality against size", "Data", "How to get it again"),
    ]
    assert "Whether the search gained anything is not known." in found.text
    assert "does not say which data folder" in found.text


def test_the_report_is_written_into_the_first_run(ctr_seeds, copy):
    first, second = (SearchResult.load(copy(result, name)) for result, name in
                     zip(ctr_seeds, "ab", strict=True))  # fmt: skip
    before = {file.name for file in first.run.path.iterdir()}
    file = first.report(second)
    assert file == first.run.path / REPORT_FILE
    assert {file.name for file in first.run.path.iterdir()} == {*before, REPORT_FILE}
    assert not (second.run.path / REPORT_FILE).exists()
    text = file.read_text(encoding="utf-8")
    assert "Over several seeds" in Page(text).headings
    assert first.report(second).read_text(encoding="utf-8") == text


def test_a_report_that_cannot_be_written(ctr, copy, monkeypatch):
    result = SearchResult.load(copy(ctr))
    write_report([result])
    before = (result.run.path / REPORT_FILE).read_bytes()
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(RunError, match=r"report\.html cannot be written: full"):
        write_report([result])
    assert (result.run.path / REPORT_FILE).read_bytes() == before
    assert not list(result.run.path.glob(".tmp-*"))


def test_names_of_fields_are_text(ctr, copy):
    """Whatever a field is called, it is shown and never read as markup."""
    evil = '<script>alert("1")</script> & $x$'
    folder = copy(ctr)
    field = ctr.architecture.interactions[0][0]

    def renamed(trial):
        text = json.dumps(trial)
        return json.loads(text.replace(json.dumps(field), json.dumps(evil)))

    change_trials(folder, renamed)
    change_json(folder / "architecture.json", renamed)
    change_json(folder / "data.json", lambda data: {**data, "dataset": evil})
    result = SearchResult.load(folder)
    found = page_of(result)
    assert "<script" not in found.source
    assert f"Search report: {evil}" in found.headings
    assert found.unclosed == []
    rows = found.table("Chosen interactions")
    assert any(evil in row["Interaction"] for row in rows)


def test_what_is_known_of_the_data_can_be_given(next_item):
    data = {"dataset": "shop", "digest": "0123", "counts": {"train_examples": 1234}}
    found = Page(page([record(next_item, data)]))
    assert found.headings[0] == "Search report: shop"
    assert found.table("Counts") == [{"What": "Train examples", "Number": "1,234"}]
