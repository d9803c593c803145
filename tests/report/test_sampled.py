"""Inherited scores: which sampled architectures, which chosen, how soon the best."""

from __future__ import annotations

import json

import pytest

from amer_tf.report.best_so_far import best_so_far, steps_of
from amer_tf.report.sampled import Sampled, distribution, sampled_steps
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_json, change_trials, record, write_trials


def kinds(result, *names):
    return [trial for trial in result.run.trials() if trial["kind"] in names]


def test_networks_of_task_next_item(next_item):
    [step] = sampled_steps(record(next_item))
    scores = [trial["score"] for trial in kinds(next_item, "random")]
    assert (step.title, step.label, step.lower_is_better) == (
        *("Behaviour networks", "NDCG@5", False),
    )
    assert step.in_order == scores
    assert step.found in scores
    assert set(step.chosen) <= set(scores)
    assert 1 <= len(step.chosen) <= 3
    assert step.num_random == len(scores)


def test_mlps_are_scored_by_a_loss(ctr):
    [step] = sampled_steps(record(ctr))
    assert step.in_order == [-trial["score"] for trial in kinds(ctr, "random mlp")]
    assert (step.title, step.label, step.lower_is_better) == ("MLPs", "log loss", True)
    assert len(step.chosen) == 2


def test_all_steps_and_both_samplers(hybrid):
    behavior, mlp = sampled_steps(record(hybrid))
    random, evolved = kinds(hybrid, "random behavior"), kinds(hybrid, "evolved behavior")
    assert behavior.num_random == len(random) > 0
    assert list(map(len, behavior.scores.values())) == [len(random), len(evolved)]
    assert evolved
    assert mlp.num_random == len(mlp.in_order)
    for text in ("drawn at random", "by evolution", "in the found model"):
        assert text in distribution(record(hybrid))
    assert distribution(record(hybrid)).count("left is better") == 1
    assert "Evolution begins at the dotted line" in best_so_far([record(hybrid)])


def sampled(scores, lower_is_better=False):
    return Sampled("mlp", "AUC", lower_is_better, {"random mlp": scores}, scores, [], None)


@pytest.mark.parametrize(
    ("scores", "lower", "places", "best"),
    [
        ([0.5, 0.4, 0.7, 0.6, 0.6], False, [1, 3, 5], [0.5, 0.7, 0.7]),
        ([0.5, 0.4, 0.7, 0.3], True, [1, 2, 4], [0.5, 0.4, 0.3]),
        ([0.5], False, [1], [0.5]),
    ],
)
def test_the_best_so_far(scores, lower, places, best):
    assert steps_of(sampled(scores, lower)) == (places, best)


def test_a_run_with_the_other_sampler_stands_beside_the_first(hybrid, copy):
    folder = copy(hybrid)
    settings = {**hybrid.config["settings"], "sampler": "random"}
    change_json(folder / "config.json", lambda config: {**config, "settings": settings})

    def drawn_at_random(trial):
        return {**trial, "kind": trial["kind"].replace("evolved", "random")}

    change_trials(folder, drawn_at_random)
    other = record(SearchResult.load(folder))
    text = best_so_far([record(hybrid), other])
    assert "Behaviour networks, evolution: " in text
    assert "Behaviour networks, random search: " in text
    assert "gets to a level further left" in text
    assert "further left" not in best_so_far([record(hybrid)])


@pytest.mark.parametrize("name", ["behavior_supernet", "mlp_supernet"])
def test_supernets_of_one_seed_that_a_time_limit_ended_differ(hybrid, copy, name):
    folder = copy(hybrid)
    settings = {**hybrid.config["settings"], "sampler": "random"}
    change_json(folder / "config.json", lambda config: {**config, "settings": settings})
    other = record(SearchResult.load(folder))
    assert all(len(step.in_order) for step in sampled_steps(other))
    whole = best_so_far([record(hybrid), other])

    def shortened(phases):
        losses = phases[name]["losses"]
        return {**phases, name: {**phases[name], "losses": losses[:-1]}}

    change_json(folder / "phases.json", shortened)
    text = best_so_far([record(hybrid), record(SearchResult.load(folder))])
    title = {"behavior_supernet": "Behaviour networks", "mlp_supernet": "MLPs"}[name]
    assert whole.count(f"{title}, ") == 2 * text.count(f"{title}, ")
    # A run that kept no losses cannot be told to have the same.
    change_json(folder / "phases.json", lambda phases: {})
    alone = best_so_far([record(hybrid)])
    assert best_so_far([record(hybrid), record(SearchResult.load(folder))]) == alone


def test_scores_of_other_supernets_are_left_out(ctr_seeds):
    first, second = map(record, ctr_seeds)
    assert best_so_far([first, second]) == best_so_far([first])


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ((8, 8), "none of these, but the predefined MLP, which predicted better"),
        ((8, 7), "none of these, but one that stands in where the predefined MLP is over a limit"),
    ],
)
def test_a_model_with_an_mlp_that_was_not_sampled(ctr, copy, units, said):
    folder = copy(ctr)
    best = ctr.best_trial
    mlp = [{"activation": "relu", "units": size} for size in units]
    changed = {**best, "score": best["score"] + 1.0}
    changed["architecture"] = {**best["architecture"], "mlp": mlp}
    write_trials(folder, [changed if trial == best else trial for trial in ctr.run.trials()])
    (folder / "architecture.json").write_text(json.dumps(changed["architecture"]))
    assert said in distribution(record(SearchResult.load(folder)))
