"""What AutoFIS and AutoCross chose, as the page tells it."""

from __future__ import annotations

import json

import pytest

from amer_tf.report.page import page
from amer_tf.report.reference_choices import reference_choices
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from tests.report.conftest import record, write_trials
from tests.report.reading import Page

TIMES = " \N{MULTIPLICATION SIGN} "


@pytest.fixture
def chosen(ctr, copy):
    """Gives a run with such a reference, which has chosen something."""

    def made(name, options):
        folder = copy(ctr, name)
        trials = ctr.run.trials()
        beside = next(trial for trial in trials if trial.get("name") == "dnn")
        write_trials(folder, [*trials, {**beside, "name": name}])
        (folder / f"reference_{name}.json").write_text(options)
        return record(SearchResult.load(folder))

    return made


def test_pairs(chosen):
    options = {"pairs": [["F01", "F03"], ["F02", "F04"]], "attention": [0.75, -0.125]}
    run = chosen("autofis", json.dumps(options))
    found = Page(reference_choices(run))
    assert "AutoFIS, made by hand, kept 2 pairs of fields, each with a weight" in found.text
    assert found.table("Pairs that AutoFIS kept") == [
        {"Pair": f"F01{TIMES}F03", "Weight": "0.7500"},
        {"Pair": f"F02{TIMES}F04", "Weight": "-0.1250"},
    ]
    whole = Page(page([run]))
    assert whole.table("Pairs that AutoFIS kept") == found.table("Pairs that AutoFIS kept")
    assert whole.table("Chosen interactions")


def test_crosses(chosen):
    options = {"crosses": [["F01", "N1"]], "boundaries": {"N1": [-0.5, 0.0, 2.0]}, "num_buckets": 9}
    found = Page(reference_choices(chosen("autocross", json.dumps(options))))
    assert "AutoCross, made by hand, found 1 cross of fields" in found.text
    assert "Numbers are crossed by their buckets: N1 has 4." in found.text
    assert found.table("Crosses that AutoCross found") == [{"Cross": f"F01{TIMES}N1"}]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("autofis", {"pairs": [], "attention": []}, "AutoFIS, made by hand, kept no pair of"),
        ("autocross", {"crosses": [], "boundaries": {}}, "AutoCross, made by hand, found no cross"),
    ],
)
def test_nothing_chosen(chosen, name, options, text):
    assert text in Page(reference_choices(chosen(name, json.dumps(options)))).text


def test_a_damaged_file(chosen):
    with pytest.raises(RunError, match=r"reference_autofis\.json cannot be read"):
        reference_choices(chosen("autofis", "{"))


def test_none(ctr):
    assert reference_choices(record(ctr)) is None
