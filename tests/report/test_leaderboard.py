"""Tables of systems: the numbers of the run, all of them."""

from __future__ import annotations

import dataclasses

import pytest

from amer_tf.architecture import Block
from amer_tf.report.leaderboard import evaluations, leaderboard, variant
from amer_tf.report.trade_off import costs
from amer_tf.search.result import SearchResult
from tests.report.conftest import record, write_trials
from tests.report.reading import Page


@pytest.fixture(params=["next_item", "ctr", "hybrid"])
def result(request):
    return request.getfixturevalue(request.param)


def test_all_models_are_in_the_long_table(result):
    rows = Page(leaderboard(record(result))).table("All models")
    board = result.leaderboard(architectures=True)
    assert len(rows) == len(board)
    metric = {"auc": "AUC", "ndcg@5": "NDCG@5"}[result.RANKED_BY]
    shown = [row[metric].split(" ")[0] for row in rows]
    assert shown == [f"{value:.4f}" for value in board[result.RANKED_BY]]
    errors = [row[metric].split(" ± ")[1] for row in rows]
    assert errors == [f"{value:.4f}" for value in board["standard_error"]]
    assert [row["Architecture"] for row in rows] == list(board["architecture"])


def test_the_short_table_has_every_way_of_training_and_every_reference(result):
    rows = Page(leaderboard(record(result))).table("Systems by validation score")
    kinds = {trial["kind"] for trial in record(result).models}
    assert len({row["How it was trained"] for row in rows} - {"made by hand"}) == len(kinds)
    by_hand = [row for row in rows if row["How it was trained"] == "made by hand"]
    assert len(by_hand) == len(result.references())


def test_the_model_of_the_run_is_marked(result):
    source = leaderboard(record(result))
    [marked, *_] = source.split('<tr class="marked">')[1:]
    assert f">{result.score:.4f}" in marked.partition("</tr>")[0]
    assert marked.startswith('<th scope="row">Found by the search</th>')


def test_trees_are_counted_as_trees(ctr):
    rows = Page(leaderboard(record(ctr))).table("Systems by")
    [sizes] = [row["Parameters"] for row in rows if row["System"] == "LightGBM"]
    trees = int(ctr.leaderboard().set_index("system").loc["lightgbm", "parameters"])
    assert sizes == ("1 tree" if trees == 1 else f"{trees:,} trees")


def test_variants(hybrid):
    one = record(hybrid)
    found = one.architecture

    def named(**changes):
        architecture = dataclasses.replace(found, **changes)
        return variant(one, {"architecture": architecture.to_dict()})

    assert named() == "Found by the search"
    assert named(blocks=(Block("none", "conv_1", "relu"),)) == "Variant: other blocks"
    assert named(interactions=(("a", "b"),), mlp=()) == "Variant: 1 interaction, another MLP"
    if found.blocks:
        assert named(blocks=()) == "Variant: no blocks"


def test_latencies_where_they_were_measured(ctr, copy):
    folder = copy(ctr)
    measured = {
        "kind": "measured",
        "architecture": ctr.architecture.to_dict(),
        "parameters": 7,
        "latency_ms": {"1": 0.25, "256": 3.5},
    }
    write_trials(folder, [*ctr.run.trials(), measured])
    rows = Page(leaderboard(record(SearchResult.load(folder)))).table("Systems by")
    own = [row for row in rows if row["System"] == "Found by the search"]
    assert {(row["ms, 1 row"], row["ms, 256 rows"]) for row in own} == {("0.2500", "3.5000")}
    assert {row["ms, 1 row"] for row in rows if row["System"] == "DNN"} == {""}
    # At the end of a run, beside the hand-made networks.
    times = {"amer": {"1": 0.5, "256": 4.5}, "dnn": {"1": 0.125, "256": 2.5}}
    again = [{**measured, "name": name, "latency_ms": ms} for name, ms in times.items()]
    del again[1]["architecture"]
    write_trials(folder, [*ctr.run.trials(), measured, *again])
    changed = record(SearchResult.load(folder))
    rows = Page(leaderboard(changed)).table("Systems by")
    shown = {row["System"]: row["ms, 1 row"] for row in rows}
    assert (shown["Found by the search"], shown["DNN"]) == ("0.5000", "0.1250")
    assert shown["LightGBM"] == ""
    [_, one, _] = costs(changed)
    assert ("dnn", 0.125) in {(point.name, point.cost) for point in one.points}
    board = changed.result.leaderboard().set_index("system")
    assert board.loc["dnn"]["ms_256"] == 2.5
    assert 4.5 in set(board.loc["amer"]["ms_256"])


def test_recorded_evaluations(next_item, ctr):
    page = Page(evaluations(record(ctr)))
    rows = {row["System"]: row for row in page.table("Test split")}
    assert set(rows) == {"Found by the search", "DNN", "LightGBM"}
    expected = ctr.metrics["evaluate"]["test"]
    assert rows["Found by the search"]["AUC"].startswith(f"{expected['auc']:.4f} ± ")
    expected = ctr.metrics["references"]["dnn"]["test"]
    assert rows["DNN"]["log loss"].startswith(f"{expected['log_loss']:.4f} ± ")

    page = Page(evaluations(record(next_item)))
    assert set(page.tables) == {
        "Test split, among random items: 44 users",
        "Test split, among the whole catalogue: 44 users",
    }
    [row] = page.table("Test split, among the whole")
    assert row["MRR"].startswith(f"{next_item.metrics['evaluate']['test']['full']['mrr']:.4f}")


def test_how_it_was_measured(next_item, ctr):
    assert "44 users of the validation split: the true next item is ranked among 10 random" in (
        leaderboard(record(next_item))
    )
    count = ctr.metrics["validation"]["count"]
    assert f"Measured on the {count:,} rows of the validation split" in leaderboard(record(ctr))
