"""Runs beside each other: which belong together, their means and spreads."""

from __future__ import annotations

import statistics

import pytest

from amer_tf.report import runs
from amer_tf.report.seeds import over_seeds
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from tests.report.conftest import SECOND_SEED, change_json, record, write_trials
from tests.report.reading import Page


def changed(ctr, copy, name="other", **config):
    folder = copy(ctr, name)
    change_json(folder / "config.json", lambda known: {**known, **config})
    return record(SearchResult.load(folder))


def test_runs_of_other_seeds_steps_or_samplers_belong_together(ctr, copy):
    settings = {**ctr.config["settings"], "sampler": "evolution"}
    others = [
        changed(ctr, copy, "a", seed=9),
        changed(ctr, copy, "b", steps=["interaction"]),
        changed(ctr, copy, "c", settings=settings),
    ]
    runs.require_comparable([record(ctr), *others])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seed": 9, "spec": "other"}, "must be of the same data.*beside"),
        ({}, "must have different seeds.*seed=3, as"),
    ],
)
def test_runs_that_do_not_belong_together(ctr, copy, config, message):
    with pytest.raises(RunError, match=message):
        runs.require_comparable([record(ctr), changed(ctr, copy, **config)])


def test_runs_of_other_settings(ctr, copy):
    settings = {**ctr.config["settings"], "dropout": 0.1}
    other = changed(ctr, copy, seed=9, settings=settings)
    with pytest.raises(RunError, match=r"same settings and limits.*dropout=0\.1 beside 0\.3"):
        runs.require_comparable([record(ctr), other])


def other_references(ctr, copy, name, sampler, references=(), **config):
    settings = {**ctr.config["settings"], "sampler": sampler, "references": list(references)}
    return changed(ctr, copy, name, settings=settings, **config)


def test_a_run_of_another_sampler_needs_no_references(ctr, copy):
    other = other_references(ctr, copy, "a", "evolution")
    runs.require_comparable([record(ctr), other])
    runs.require_comparable([other, record(ctr)])
    # More seeds of that sampler must be as the first.
    same = other_references(ctr, copy, "b", "evolution", seed=9)
    runs.require_comparable([record(ctr), other, same])
    another = other_references(ctr, copy, "c", "evolution", ["dnn"], seed=10)
    message = r"differ in their seeds.*references=\['dnn'\] beside \[\]"
    with pytest.raises(RunError, match=message):
        runs.require_comparable([record(ctr), other, another])


def test_seeds_of_one_sampler_have_the_same_references(ctr, copy):
    other = other_references(ctr, copy, "a", "random", seed=9)
    with pytest.raises(RunError, match=r"references=\[\] beside \['dnn', 'lightgbm'\]"):
        runs.require_comparable([record(ctr), other])


def test_references_take_time_from_a_search_with_a_limit(ctr, copy):
    first = changed(ctr, copy, "a", time_limit=60.0)
    other = other_references(ctr, copy, "b", "evolution", time_limit=60.0)
    with pytest.raises(RunError, match=r"references=\[\] beside \['dnn', 'lightgbm'\]"):
        runs.require_comparable([first, other])


def test_a_table_of_runs_with_and_without_references(ctr, copy):
    other = other_references(ctr, copy, "a", "evolution", seed=9)
    write_trials(
        other.result.run.path, [trial for trial in ctr.run.trials() if trial["kind"] != "reference"]
    )
    alone = record(SearchResult.load(other.result.run.path))
    page = Page(over_seeds([record(ctr), alone]))
    rows = {row["System"]: row for row in page.table("Validation split")}
    assert rows["DNN"]["Runs"] == "1"
    assert rows["DNN"]["AUC, seed 9"] == ""
    assert rows["Found by the search (evolution)"]["AUC, seed 9"]


@pytest.mark.parametrize(
    ("name", "value"), [("time_limit", 60.0), ("max_params", 9000), ("max_latency_ms", 5.0)]
)
def test_runs_of_other_limits(ctr, copy, name, value):
    other = changed(ctr, copy, seed=9, **{name: value})
    with pytest.raises(RunError, match=rf"same settings and limits.*{name}={value} beside None"):
        runs.require_comparable([record(ctr), other])


def test_runs_of_data_that_were_prepared_otherwise(ctr, copy):
    other = changed(ctr, copy, seed=9)
    other.data = {**other.data, "digest": "another"}
    with pytest.raises(RunError, match="must be of the same data"):
        runs.require_comparable([record(ctr), other])


def test_scores_over_seeds(ctr_seeds):
    records = [record(result) for result in ctr_seeds]
    found = runs.scores(records, "auc")
    assert set(found) == {"Found by the search", "DNN", "LightGBM"}
    ours = found["Found by the search"]
    assert list(ours) == [3, 4]
    assert ours[4] - ours[3] == pytest.approx(SECOND_SEED["amer"])
    spread = runs.spread(ours)
    assert spread.mean == pytest.approx(ctr_seeds[0].score + 0.01)
    assert spread.deviation == pytest.approx(statistics.stdev([0.0, 0.02]))
    assert runs.spread({3: 0.5}).deviation is None


def test_found_systems_of_other_steps_have_names_of_their_own(ctr, copy):
    other = changed(ctr, copy, steps=["interaction"])
    found = runs.scores([record(ctr), other], "auc")
    assert set(found) == {
        *("Found by the search (AMER-23)", "Found by the search (AMER-2)", "DNN", "LightGBM"),
    }
    # The same references once more are no more seeds of them.
    assert list(found["DNN"]) == [3]


def test_the_table(ctr_seeds):
    page = Page(over_seeds([record(result) for result in ctr_seeds]))
    rows = {row["System"]: row for row in page.table("Validation split")}
    score = ctr_seeds[0].score
    own = rows["Found by the search"]
    assert own["AUC, mean"] == f"{score + 0.01:.4f} ± 0.0141"
    assert (own["AUC, seed 3"], own["AUC, seed 4"]) == (f"{score:.4f}", f"{score + 0.02:.4f}")
    assert own["Runs"] == "2"
    means = [float(row["AUC, mean"].split()[0]) for row in rows.values()]
    assert means == sorted(means, reverse=True)
    assert set(page.tables) == {"Validation split", "Test split"}


def test_a_single_run_has_no_spread(ctr):
    assert over_seeds([record(ctr)]) is None
