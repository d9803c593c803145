"""A finished comparison takes more systems and seeds, and loses none."""

from __future__ import annotations

import json

import pytest

from amer_tf.compare import growth
from amer_tf.compare.folder import ComparisonFolder
from amer_tf.search.run_error import RunError
from tests.compare.test_comparison import compare, lines

pytestmark = [
    pytest.mark.usefixtures("quick_search", "no_latency"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
CONFIG = {
    "systems": ["fm", "dcn@deep"],
    "seeds": [2, 3],
    "settings": {"dropout": 0.1},
    "own": {"dcn@deep": {"num_crosses": 6}},
}


@pytest.fixture
def run(tmp_path):
    """The folder of a comparison."""
    folder = ComparisonFolder(tmp_path / "run")
    growth.claim(folder, CONFIG)
    return folder


def test_grown_it_is_what_it_would_have_been_at_once(load_table, tmp_path):
    folder = tmp_path / "grown"
    compare(load_table, folder, ["fm"], seeds=(0,))
    before = (folder / "fm" / "seed_0" / "phases.json").stat().st_mtime_ns

    grown = compare(load_table, folder, ["lr", "fm", "fm@dropped"], own=DROPPED)

    at_once = compare(load_table, tmp_path / "at_once", ["lr", "fm", "fm@dropped"], own=DROPPED)
    assert lines(grown) == lines(at_once)
    assert (folder / "fm" / "seed_0" / "phases.json").stat().st_mtime_ns == before
    assert json.loads((folder / "config.json").read_text()) == json.loads(
        (tmp_path / "at_once" / "config.json").read_text()
    )


DROPPED = {"fm@dropped": {"dropout": 0.5}}


@pytest.mark.parametrize(
    "changes",
    [
        {"systems": ["lr", "dcn@deep", "fm"]},
        {"seeds": [2, 4, 3]},
        {
            "systems": ["fm", "dcn@deep", "dcn@wide"],
            "own": {"dcn@deep": {"num_crosses": 6}, "dcn@wide": {"num_crosses": 2}},
        },
    ],
)
def test_more_of_them(run, changes):
    growth.claim(run, {**CONFIG, **changes})
    assert run.read_json("config.json") == CONFIG

    growth.record(run, {**CONFIG, **changes})

    assert run.read_json("config.json") == {**CONFIG, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"systems": ["dcn@deep", "lr"]}, "also has the systems fm. .* Received: systems=dcn@deep"),
        ({"seeds": [2]}, "also has the seeds 3. Name all seeds .* Received: seeds=2"),
        ({"seeds": [1, 2, 3]}, "whose first seed is 2, .* Received: seeds=1, 2, 3"),
        ({"settings": {"dropout": 0.2}}, "another settings.dropout: 0.1"),
        ({"own": {"dcn@deep": {"num_crosses": 3}}}, "another own.dcn@deep.num_crosses: 6"),
        (
            {"own": {"dcn@deep": {"num_crosses": 6}, "fm": {"l2": 0.1}}},
            "another own.fm.l2: null",
        ),
    ],
)
def test_what_differs_or_is_left_out(run, changes, message):
    with pytest.raises(RunError, match=message):
        growth.claim(run, {**CONFIG, **changes})
    assert run.read_json("config.json") == CONFIG


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({"steps": ["mlp"], "seed": 3, "settings": {"references": ["dnn"]}}, "a search"),
        ({"seed": 3, "settings": {"references": ["dnn"]}}, "a run of dnn"),
        ({"systems": ["lr"]}, "something else"),
        ({"systems": "lr", "seeds": 0}, "something else"),
        ({"systems": ["lr"], "seeds": []}, "something else"),
        ({}, "something else"),
    ],
)
def test_no_comparison_in_the_folder(tmp_path, found, what):
    run = ComparisonFolder(tmp_path)
    run.write_json("config.json", found)
    message = rf"no comparison but {what}: use a new folder \(`--out`\)\. Received: folder="
    with pytest.raises(RunError, match=message):
        growth.claim(run, CONFIG)
    assert run.read_json("config.json") == found
