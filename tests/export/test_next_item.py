"""What the signatures answer is what the Python model says of the same raw rows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export.next_item import NO_SCORE
from tests.export import small_models
from tests.export.small_models import CASES, ITEMS, ROWS

EVERY_CASE = pytest.mark.parametrize("exported", list(CASES), indirect=True)


def equal(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def texts(items):
    return [[item.decode() if isinstance(item, bytes) else item for item in row] for row in items]


def candidates(exported, rows):
    """Every item, an unknown one, and every item again in another order, for each row."""
    items = exported.case.items
    unknown = "no such item" if isinstance(items[0], str) else 77
    return [[*items, unknown, *reversed(items)]] * len(rows)


@EVERY_CASE
def test_scores_are_those_of_the_python_model(exported, request):
    rows = ROWS[request.node.callspec.params["exported"]]
    asked = candidates(exported, rows)
    answer = exported.ask("serving_default", **exported.columns(rows), item_id=asked)
    assert list(answer) == ["scores"]
    expected = exported.case.scores(rows, asked)
    equal(answer["scores"], expected)
    # The model tells users and items apart, or equality would say nothing.
    assert len(np.unique(np.round(expected[:, : len(exported.case.items)], 5))) > len(rows) + 4


@EVERY_CASE
def test_every_row_alone_is_answered_alike(exported, request):
    rows = ROWS[request.node.callspec.params["exported"]]
    asked = candidates(exported, rows)
    together = exported.ask("serving_default", **exported.columns(rows), item_id=asked)["scores"]
    for index, row in enumerate(rows):
        alone = exported.ask("serving_default", **exported.columns([row]), item_id=asked[:1])
        equal(alone["scores"][0], together[index])


def test_random_rows(exported):
    random = np.random.default_rng(0)

    def draw(values, most):
        return [values[index] for index in random.integers(len(values), size=most)]

    rows = []
    for steps in random.integers(12, size=40):
        rows.append(
            {
                "history_item_id": draw([*ITEMS, None, "new"], steps),
                "history_gap": draw([None, 0.0, 1.5, 40.0, -2.0], steps),
                "history_tags": [
                    draw([5, 7, -1, 9], most) for most in random.integers(4, size=steps)
                ],
                "country": draw(["nl", "de", None, "fr"], 1)[0],
                "hobbies": draw(["go", "tea", "new"], random.integers(4)),
                "age": draw([None, 5.0, 40.0], 1)[0],
            }
        )
    asked = candidates(exported, rows)
    answer = exported.ask("serving_default", **exported.columns(rows), item_id=asked)
    equal(answer["scores"], exported.case.scores(rows, asked))


def test_no_history_of_any_form_is_one_answer(exported):
    asked = [list(ITEMS)]
    none = exported.ask("serving_default", history_item_id=np.zeros([1, 0], "S"), item_id=asked)
    equal(none["scores"], exported.case.scores([{"history_item_id": []}], asked))
    for history in ([[""]], [["", "", "", "", "", "", "", ""]]):
        answer = exported.ask("serving_default", history_item_id=history, item_id=asked)
        equal(answer["scores"], none["scores"])


def test_a_history_of_unknown_items_is_not_an_empty_one(exported):
    asked = [list(ITEMS)]
    unknown = exported.ask("serving_default", history_item_id=[["a", "b"]], item_id=asked)
    equal(unknown["scores"], exported.case.scores([{"history_item_id": ["a", "b"]}], asked))
    empty = exported.ask("serving_default", history_item_id=[[""]], item_id=asked)
    assert np.abs(unknown["scores"] - empty["scores"]).max() > 1e-3


def test_only_the_newest_steps_count_wherever_missing_ones_stand(exported):
    newest = ["été", "1", "-1", "item 1", " lead"]
    gaps = [1.0, 2.0, 3.0, 4.0, 5.0]
    asked = [list(ITEMS)]
    expected = exported.ask(
        "serving_default", history_item_id=[newest], history_gap=[gaps], item_id=asked
    )["scores"]
    for history, own_gaps in (
        (["tab\tin", "1", *newest], [9.0, 9.0, *gaps]),
        (["", *newest, "", ""], [9.0, *gaps, 9.0, 9.0]),
        (
            ["1", "été", "", "1", "-1", "", "item 1", " lead"],
            [9.0, 1.0, 9.0, 2.0, 3.0, 9.0, 4.0, 5.0],
        ),
    ):
        answer = exported.ask(
            "serving_default", history_item_id=[history], history_gap=[own_gaps], item_id=asked
        )
        equal(answer["scores"], expected)


def test_missing_candidates_come_last(exported):
    answer = exported.ask(
        "serving_default", history_item_id=[["1"], ["1"]], item_id=[["1", ""], ["", "no such"]]
    )["scores"]
    assert answer[0, 1] == answer[1, 0] == NO_SCORE
    equal(answer[1, 1], exported.case.scores([{"history_item_id": ["1"]}], [["no such"]])[0, 0])
    none = exported.ask("serving_default", history_item_id=[["1"]], item_id=np.zeros([1, 0], "S"))
    assert none["scores"].shape == (1, 0)


def test_columns_left_out_are_missing_for_all(exported):
    rows = ROWS["strings"][1:3]
    whole = exported.columns(rows)
    asked = candidates(exported, rows)
    for name in ("history_gap", "history_tags", "country", "hobbies", "age"):
        columns = {key: value for key, value in whole.items() if key != name}
        answer = exported.ask("serving_default", **columns, item_id=asked)["scores"]
        without = [{key: value for key, value in row.items() if key != name} for row in rows]
        equal(answer, exported.case.scores(without, asked))
        assert np.abs(answer - exported.case.scores(rows, asked)).max() > 1e-4, name


@EVERY_CASE
def test_recommendations_are_the_best_of_all_items(exported, request):
    rows = ROWS[request.node.callspec.params["exported"]]
    items = exported.case.items
    answer = exported.ask("recommend", **exported.columns(rows), exclude_seen=False, k=4)
    assert sorted(answer) == ["item_id", "score"]
    scores = exported.case.scores(rows, [items] * len(rows))
    order = np.argsort(-scores, axis=1)[:, :4]
    equal(answer["score"], np.take_along_axis(scores, order, axis=1))
    assert texts(answer["item_id"].tolist()) == [[items[index] for index in row] for row in order]


@EVERY_CASE
def test_seen_items_are_excluded_on_request(exported, request):
    rows = ROWS[request.node.callspec.params["exported"]]
    items = exported.case.items
    columns = exported.columns(rows)
    everything = exported.ask("recommend", **columns, exclude_seen=False, k=len(items))
    answer = exported.ask("recommend", **columns, exclude_seen=True, k=len(items))
    missing = "" if isinstance(items[0], str) else -1
    for row, all_items, new_items, scores in zip(
        rows,
        texts(everything["item_id"].tolist()),
        texts(answer["item_id"].tolist()),
        answer["score"],
        strict=True,
    ):
        assert sorted(all_items, key=items.index) == items
        # The order of the others stays; the places of the seen ones are empty, at the end.
        expected = [item for item in all_items if item not in row["history_item_id"]]
        assert new_items == expected + [missing] * (len(items) - len(expected))
        assert (scores[: len(expected)] > NO_SCORE).all()
        assert (scores[len(expected) :] == NO_SCORE).all()


def test_items_older_than_the_kept_steps_are_seen_too(exported):
    history = ["item 1", "1", "1", "1", "1", "1", "1"]
    answer = exported.ask("recommend", history_item_id=[history], k=7)
    assert set(texts(answer["item_id"].tolist())[0]) == {*ITEMS, ""} - {"item 1", "1"}


@pytest.mark.parametrize("k", [1, 3, 7, 8, 1000])
def test_k_is_clipped_to_the_catalogue(exported, k):
    answer = exported.ask("recommend", history_item_id=[[""], ["1"]], exclude_seen=False, k=k)
    assert answer["item_id"].shape == answer["score"].shape == (2, min(k, 7))
    assert all(set(row) <= set(ITEMS) for row in texts(answer["item_id"].tolist()))


def test_k_and_exclude_seen_may_differ_from_row_to_row(exported):
    history = [["1", "-1"], ["1", "-1"], ["1", "-1"]]
    answer = exported.ask(
        "recommend", history_item_id=history, k=[7, 2, 0], exclude_seen=[True, False, False]
    )
    items = texts(answer["item_id"].tolist())
    assert answer["item_id"].shape == (3, 7)
    assert {"1", "-1"}.isdisjoint(items[0])
    assert items[0][5:] == ["", ""]
    best = exported.ask("recommend", history_item_id=history[:1], k=2, exclude_seen=False)
    assert items[1] == [*texts(best["item_id"].tolist())[0], *[""] * 5]
    assert items[2] == [""] * 7
    assert (answer["score"][2] == NO_SCORE).all()


def test_no_user_and_no_k(exported):
    none = exported.ask("recommend", history_item_id=np.zeros([0, 3], "S"))
    assert none["item_id"].size == none["score"].size == 0
    assert exported.ask("recommend", history_item_id=[["1"]], k=0)["score"].shape == (1, 0)
    scores = exported.ask(
        "serving_default", history_item_id=np.zeros([0, 3], "S"), item_id=np.zeros([0, 2], "S")
    )
    assert scores["scores"].shape == (0, 2)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"history_item_id": ["1"]}, "tensor history_item_id .1. is not compatible with expected"),
        ({"history_item_id": [[["1"]]]}, "tensor history_item_id .1,1,1. is not compatible"),
        ({"country": [["nl"]]}, "tensor country .1,1. is not compatible with expected shape"),
        ({"country": ["nl", "de"]}, "'country.* must have as many rows as column .'history_item_"),
        ({"history_gap": [[1.0]]}, "'history_gap.* must have as many steps as column .'history_"),
        ({"history_tags": [[[5]]]}, "'history_tags.* must have as many steps as column"),
        ({"k": -1}, "'k.* must have numbers of at least 0. Received:. .-1"),
        ({"k": [1, 2, 3]}, "'k.* must have one value, or one for each row. Received:. .3"),
        ({"exclude_seen": [True, False]}, "'exclude_seen.* must have one value, or one for each"),
    ],
)
def test_malformed_requests_name_the_column(exported, inputs, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.ask("recommend", **{"history_item_id": [["1", "-1"]], **inputs})


def test_candidates_need_a_row_for_each_user(exported):
    with pytest.raises(tf.errors.InvalidArgumentError, match="'item_id.* must have as many rows"):
        exported.ask("serving_default", history_item_id=[["1"], ["1"]], item_id=[["1"]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="tensor item_id .1. is not compatib"):
        exported.ask("serving_default", history_item_id=[["1"]], item_id=["1"])


def test_inputs_of_another_type_are_refused(exported):
    function = exported.loaded.signatures["predict_examples"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a string tensor"):
        function(examples=tf.constant([1]))


def test_dropout_is_off(tmp_path):
    case = small_models.int64s(dropout=0.5)
    exported = small_models.load(case, tmp_path / "1", warmup=False)
    rows = ROWS["int64s"]
    asked = candidates(exported, rows)
    answer = exported.ask("serving_default", **exported.columns(rows), item_id=asked)
    equal(answer["scores"], case.scores(rows, asked))
