"""The table of interactions: gains, errors, and bars that agree with them."""

from __future__ import annotations

import re

from amer_tf.report.interactions import interactions
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_trials, record, write_trials
from tests.report.reading import Page


def chosen(result):
    return [trial for trial in result.run.trials() if trial["kind"] == "chosen interaction"]


def test_gains_and_errors_are_those_of_the_log(ctr):
    rows = Page(interactions(record(ctr))).table(
        "Chosen interactions, in the order in which they were chosen, each gain on top of those "
        "above it"
    )
    assert [row["Gain in log loss"] for row in rows] == [
        f"{trial['gain']:.5f} ± {trial['standard_error']:.5f}" for trial in chosen(ctr)
    ]
    times = " \N{MULTIPLICATION SIGN} "
    assert [row["Interaction"] for row in rows] == [
        times.join(trial["interaction"]) for trial in chosen(ctr)
    ]
    taken = [row["In the model"] for row in rows].count("yes")
    assert taken == len(ctr.architecture.interactions) == sum(ctr.interactions()["taken"])


def test_bars_are_as_long_as_the_gains(ctr, copy):
    folder = copy(ctr)
    gains = iter([0.4, 0.2, -0.1])

    def change(trial):
        if trial["kind"] != "chosen interaction":
            return trial
        return {**trial, "gain": next(gains), "standard_error": 0.1}

    change_trials(folder, change)
    source = interactions(record(SearchResult.load(folder)))
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', source)]
    # From -0.2 to 0.5 there are 192 pixels.
    assert [round(width * 0.7 / 192, 2) for width in widths] == [0.4, 0.2, 0.1]
    assert source.count('class="bar negative"') == 1
    assert source.count('class="whisker"') == 3
    assert 'aria-label="gain 0.40000 ± 0.10000"' in source


def test_gains_without_errors(ctr, copy):
    folder = copy(ctr)
    change_trials(folder, lambda trial: {**trial, "standard_error": None})
    assert "whisker" not in interactions(record(SearchResult.load(folder))).split("<p")[1]


def test_interactions_that_were_not_searched_are_named(ctr, copy):
    folder = copy(ctr)
    kept = [trial for trial in ctr.run.trials() if trial["kind"] != "chosen interaction"]
    write_trials(folder, kept)
    source = interactions(record(SearchResult.load(folder)))
    assert source.count("<li>") == len(ctr.architecture.interactions)


def test_none(next_item):
    assert interactions(record(next_item)) is None
