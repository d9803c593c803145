"""Hand-made systems that a time limit ended, or left no time: said wherever they are compared."""

from __future__ import annotations

import pytest

from amer_tf.report.cut_short import cut_short, cut_short_sentence, left_out_sentence
from amer_tf.report.leaderboard import leaderboard
from amer_tf.report.phase_times import phase_times
from amer_tf.report.verdict import verdict
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_json, change_trials, record
from tests.report.reading import Page

CUT = {"epoch": 1, "seconds": 9.0, "limit": 0.1}


@pytest.fixture
def changed(ctr, copy):
    """Gives the record of the run with other phases, and the found model far ahead."""
    folder = copy(ctr)

    def far_ahead(trial):
        if trial["kind"] != "reference":
            return trial
        errors = {"auc": 0.001, "log_loss": 0.001}
        metrics = {**trial["metrics"], "auc": 0.3, "log_loss": 0.9, "standard_errors": errors}
        return {**trial, "score": 0.3, "metrics": metrics}

    def changed(phases):
        change_trials(folder, far_ahead)
        change_json(folder / "phases.json", lambda known: {**known, **phases})
        return record(SearchResult.load(folder))

    return changed


def test_a_reference_that_was_cut_short_is_no_rival(changed):
    run = changed({"reference_dnn": CUT})
    assert cut_short(run) == {"dnn": "1 epoch"}
    text = Page(verdict([run])).text
    assert "Whether the search gained anything is not known" in text
    assert "trainings of systems made by hand: DNN after 1 epoch. Trained to their end" in text
    assert "better than all systems" not in text
    assert "made by hand, cut short after 1 epoch" in Page(leaderboard(run)).text


def test_a_reference_that_ended_by_itself_is_one(changed):
    run = changed({"reference_dnn": {**CUT, "limit": 100.0}})
    assert cut_short(run) == {}
    assert cut_short_sentence({}) is None
    text = Page(verdict([run])).text
    assert "better than all systems made by hand" in text
    assert "cut short" not in Page(leaderboard(run)).text


def test_of_a_schedule_that_ends_with_the_time_the_epochs_count(next_item, copy):
    folder = copy(next_item)
    name = next(name for name in record(next_item).references if name == "transformer")
    own = {"epoch": 5, "seconds": 9.0}
    for epoch, expected in ((4, {name: "4 epochs"}), (5, {})):
        phases = {"scratch_0": own, name: {"epoch": epoch, "seconds": 9.0, "limit": 9.0}}
        change_json(folder / "phases.json", lambda known, phases=phases: phases)
        assert cut_short(record(SearchResult.load(folder))) == expected


def test_systems_that_were_left_out_are_named(changed, ctr, copy):
    run = changed({"references": {"left_out": ["din", "lightgbm"]}})
    text = Page(verdict([run])).text
    assert "The time limit left no time for DIN, LightGBM: with a longer one" in text
    assert left_out_sentence(record(ctr)) is None
    folder = copy(ctr, "bare")
    change_trials(folder, lambda t: {**t, "kind": "x"} if t["kind"] == "reference" else t)
    change_json(folder / "phases.json", lambda known: {"references": {"left_out": ["dnn"]}})
    text = Page(verdict([record(SearchResult.load(folder))])).text
    assert "The time limit left no time for DNN" in text


@pytest.mark.parametrize(("limit", "is_said"), [(60.0, True), (95.0, False), (None, False)])
def test_a_search_that_took_longer_than_its_limit(ctr, copy, limit, is_said):
    folder = copy(ctr)
    change_json(folder / "config.json", lambda config: {**config, "time_limit": limit})
    change_json(folder / "metrics.json", lambda metrics: {**metrics, "seconds": 100.0})
    text = Page(phase_times(record(SearchResult.load(folder)))).text
    assert ("The limit was 1 min" in text) == is_said
