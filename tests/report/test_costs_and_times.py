"""Where scores stand against size and latency, and what the time was spent on."""

from __future__ import annotations

import re

import pytest

from amer_tf.report.phase_seconds import phase_seconds
from amer_tf.report.phase_times import phase_times
from amer_tf.report.search_cost import search_cost
from amer_tf.report.trade_off import costs, trade_off
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_json, change_trials, record, write_trials
from tests.report.reading import Page


def test_parameters(ctr):
    [cost] = costs(record(ctr))
    assert cost.label == "parameters"
    models = record(ctr).models
    assert len(cost.points) == len(models) + 1  # the trees have none
    assert {point.name for point in cost.points} == {"", "dnn"}
    best = max((point for point in cost.points if not point.name), key=lambda point: point.score)
    assert (best.cost, best.score) == (ctr.model.count_params(), ctr.score)


def test_latencies(hybrid, copy):
    folder = copy(hybrid)
    trials = hybrid.run.trials()
    different = {str(trial["architecture"]): trial["architecture"] for trial in
                 record(hybrid).of("scratch", "inherited")}  # fmt: skip
    measured = [
        {"kind": "measured", "architecture": each, "latency_ms": {"1": 1.5 + number, "256": 9.0}}
        for number, each in enumerate(different.values())
    ]
    over = {"kind": "measured", "architecture": {}, "latency_ms": None}
    write_trials(folder, [*trials, *measured, over])
    changed = record(SearchResult.load(folder))
    assert [cost.label for cost in costs(changed)] == [
        *("parameters", "milliseconds for 1 row", "milliseconds for 256 rows"),
    ]
    assert {point.cost for point in costs(changed)[2].points} == {9.0}
    assert "milliseconds for 256 rows" in trade_off(changed)


def test_limits_are_drawn_and_what_they_left_out_is_told(ctr, copy):
    folder = copy(ctr)
    assert "limit" not in trade_off(record(ctr))
    limits = {"max_params": 90_000, "max_latency_ms": 12.5}
    change_json(folder / "config.json", lambda config: {**config, **limits})
    changed = record(SearchResult.load(folder))
    assert [cost.limit for cost in costs(changed)] == [90_000]
    page = Page(trade_off(changed))
    assert "The dashed line is the limit of the found model." in page.text
    assert (
        "at most 90,000 parameters and 12.5 milliseconds for 1 row as for 256 rows. Nothing that "
        "was best had to be left out for it." in page.text
    )
    text = "2 of 3 interactions left out: with them the model has 95,000 parameters."
    change_json(
        folder / "phases.json",
        lambda phases: {**phases, "limits": {"decided": True, "interactions": text}},
    )
    page = Page(trade_off(record(SearchResult.load(folder))))
    assert "This changed what was found:" in page.text
    assert text in page.text


@pytest.mark.parametrize("times", [1, 100])
def test_limits_far_from_the_models_stand_at_plain_numbers(ctr, copy, times):
    folder = copy(ctr)
    limit = times * ctr.model.count_params()
    change_json(folder / "config.json", lambda config: {**config, "max_params": limit})
    drawing = trade_off(record(SearchResult.load(folder)))
    assert "mathdefault" not in drawing
    assert "$" not in drawing
    numbers = re.findall(r">([\d,]{3,})</text>", drawing)
    assert numbers
    assert all(number == f"{int(number.replace(',', '')):,}" for number in numbers)


def test_a_single_model_is_no_trade_off(ctr, copy):
    folder = copy(ctr)
    write_trials(folder, [ctr.best_trial])
    assert trade_off(record(SearchResult.load(folder))) is None


@pytest.mark.parametrize("name", ["next_item", "ctr", "hybrid"])
def test_the_time_of_the_phases_is_that_of_the_run(name, request):
    result = request.getfixturevalue(name)
    seconds = phase_seconds(record(result))
    assert min(seconds.values()) >= 0.0
    total = result.metrics["seconds"]
    assert sum(seconds.values()) == pytest.approx(total, abs=0.2 + 0.01 * total)
    assert not any(phase.endswith(("_0", "_1", "_supernet")) for phase in seconds)


def test_the_table_of_times(ctr, copy):
    folder = copy(ctr)
    phases = {
        "prior": {"done": True, "used": 30.0},
        "prior_precision_dnn_3": {"used": 20.0},
        "interaction": {"done": True, "used": 90.0},
        "interaction_round_0": {"done": True, "used": 60.0},
        "references": {"used": 120.0},
        "own_phase": {"done": True, "used": 120.0},
    }
    change_json(folder / "phases.json", lambda known: phases)
    change_json(folder / "metrics.json", lambda metrics: {**metrics, "seconds": 120.0})
    rows = Page(phase_times(record(SearchResult.load(folder)))).table("Time by phase")
    assert [(row["Phase"], row["Time"], row["Share of the search"]) for row in rows] == [
        ("Choosing the strength of regularisation", "30 s", "25%"),
        ("Searching interactions", "1 min 00 s", "50%"),
        ("Training and scoring the hand-made systems", "30 s", "25%"),
        ("Own phase", "0.0 s", "0%"),
    ]


def test_the_time_of_an_audit_is_told_by_itself(ctr, copy):
    folder = copy(ctr)
    phases = {"scratch": {"done": True, "used": 120.0}, "audit": {"done": True, "used": 300.0}}
    change_json(folder / "phases.json", lambda known: phases)
    times = {"seconds": 120.0, "audit_seconds": 180.0}
    change_json(folder / "metrics.json", lambda metrics: {**metrics, **times})
    found = Page(phase_times(record(SearchResult.load(folder))))
    assert [row["Share of the search"] for row in found.table("Time by phase")] == ["100%", ""]
    assert "The search took 2 min 00 s, over" in found.text
    assert "; its audit took 3 min 00 s more." in found.text


def test_a_run_without_times(ctr, copy):
    folder = copy(ctr)
    change_json(folder / "phases.json", lambda known: {})
    assert phase_times(record(SearchResult.load(folder))) is None


def test_the_cost_in_trainings_of_the_plain_network(ctr, copy):
    folder = copy(ctr)
    phases = {
        "prior": {"done": True, "used": 12.0},
        "interaction": {"done": True, "used": 60.0},
        "prior_precision_dnn_3": {"used": 5.0, "seconds": 2.0},
        "prior_precision_dnn_30": {"used": 10.0, "seconds": 4.0},
        "rescoring": {"done": True, "used": 100.0},
        "scratch": {"done": True, "used": 150.0},
        "references": {"done": True, "used": 300.0},
        "reference_dnn": {"used": 160.0, "seconds": 10.0},
    }
    change_json(folder / "phases.json", lambda known: phases)
    assert search_cost(record(SearchResult.load(folder))) == (100.0, 12.0, 150.0, 10.0)
    text = " ".join(Page(phase_times(record(SearchResult.load(folder)))).text.split())
    assert (
        "The steps of the search took 1 min 40 s, 10.0 times as long, without the choice of priors "
        "8.8 times;" in text
    )
    assert "it is 2 min 30 s, 15.0 times." in text
    # A trial of the chosen prior on all rows was the training.
    change_json(folder / "phases.json", lambda known: without(known, "reference_dnn"))
    losses = {3.0: 0.5, 30.0: 0.4}
    change_trials(
        folder,
        lambda trial: (
            {**trial, "score": -losses[trial["value"]]}
            if (trial["kind"], trial.get("system")) == ("tuning", "dnn")
            else trial
        ),
    )
    assert search_cost(record(SearchResult.load(folder))) == (100.0, 12.0, 150.0, 4.0)
    write_trials(folder, [trial for trial in ctr.run.trials() if trial.get("name") != "dnn"])
    assert search_cost(record(SearchResult.load(folder))) is None
    assert "plain DNN" not in phase_times(record(SearchResult.load(folder)))


def test_measuring_latencies_is_a_phase_of_its_own(ctr, copy):
    folder = copy(ctr)
    phases = {
        "interaction": {"done": True, "used": 60.0},
        "rescoring": {"done": True, "used": 100.0},
        "scratch": {"done": True, "used": 150.0},
        "references": {"done": True, "used": 200.0},
        "reference_dnn": {"used": 160.0, "seconds": 10.0},
        "latencies": {"used": 210.0, "intervals": [[0.0, 5.0], [55.0, 75.0], [200.0, 210.0]]},
        "limits": {"decided": True},
    }
    change_json(folder / "phases.json", lambda known: phases)
    change_json(folder / "metrics.json", lambda metrics: {**metrics, "seconds": 210.0})
    changed = record(SearchResult.load(folder))
    assert phase_seconds(changed) == {
        "interaction": 50.0,
        "rescoring": 25.0,
        "scratch": 50.0,
        "references": 50.0,
        "latencies": 35.0,
    }
    assert search_cost(changed) == (75.0, 0.0, 125.0, 10.0)
    page = Page(phase_times(changed))
    assert page.table("Time by phase")[-1]["Phase"] == "Measuring latencies"
    assert "The 35 s of measuring latencies do not count." in page.text


@pytest.mark.parametrize(
    ("curve", "limit", "said"),
    [
        (
            [0.5, 0.4, 0.3, 0.2],
            30.0,
            "took 10 s, cut short by the most epochs of the settings: to its",
        ),
        ([0.5, 0.4], 10.0, "took 10 s, cut short by the time limit: to its end it would take"),
        # At chance more epochs are waited for: a flat curve is no end.
        ([0.5, 0.6, 0.7], 10.0, "took 10 s, cut short by the time limit: to its end it would"),
        ([0.5, 0.6, 0.7], 30.0, "took 10 s. The steps"),
    ],
)
def test_a_plain_network_whose_training_was_cut_short(ctr, copy, curve, limit, said):
    folder = copy(ctr)
    phases = {
        "rescoring": {"used": 100.0},
        "scratch": {"used": 150.0},
        "reference_dnn": {"used": 160.0, "seconds": 10.0, "limit": limit, "curve": curve},
    }
    settings = {**ctr.config["settings"], "final_epochs": 4, "patience": 1, "max_cuts": 1}
    change_json(folder / "phases.json", lambda known: phases)
    change_json(folder / "config.json", lambda known: {**known, "settings": settings})
    text = Page(phase_times(record(SearchResult.load(folder)))).text
    assert said in " ".join(text.split())


def test_a_search_of_task_next_item_has_no_plain_network(next_item):
    assert search_cost(record(next_item)) is None


def without(known, name):
    return {key: value for key, value in known.items() if key != name}
