"""`tf.Example`s with absent, empty and uneven features."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.export import small_models
from tests.export.small_models import ITEMS, ROWS


def example(**features):
    message = tf.train.Example()
    for name, values in features.items():
        feature = message.features.feature[name]
        if not values:
            continue
        if isinstance(values[0], str):
            feature.bytes_list.value.extend(value.encode() for value in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return message.SerializeToString()


def of_row(case, row, items):
    """The example of a raw row; what is missing in it is absent or empty by turns."""
    features = {"item_id": items}
    for field in case.spec.input_fields:
        value = row.get(field.name)
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        if field.name == "history_tags":
            values = ["|".join(map(str, tags)) for tags in values]
        elif field.name in ("history_gap", "age"):
            values = [float("nan") if entry is None else entry for entry in values]
        else:
            missing = "" if case.spec.vocabulary(field.name).dtype == "string" else -1
            values = [missing if entry is None else entry for entry in values]
        features[field.name] = values
    return example(**features)


@pytest.mark.parametrize("exported", ["strings", "int64s"], indirect=True)
def test_scores_are_those_of_the_python_model(exported, request):
    case = exported.case
    rows = ROWS[request.node.callspec.params["exported"]]
    serialized = [of_row(case, row, case.items) for row in rows]
    answer = exported.ask("predict_examples", examples=serialized)
    expected = case.scores(rows, [case.items] * len(rows))
    np.testing.assert_allclose(answer["scores"], expected, rtol=1e-6, atol=1e-6)


def test_absent_and_empty_features_are_missing(exported):
    asked = [list(ITEMS)]
    expected = exported.case.scores([{"history_item_id": ["1"]}], asked)
    empty = {name: [] for name in ("history_gap", "history_tags", "country", "hobbies", "age")}
    for features in ({}, empty, {"no_such_feature": [1]}):
        serialized = [example(history_item_id=["1"], item_id=list(ITEMS), **features)]
        answer = exported.ask("predict_examples", examples=serialized)
        np.testing.assert_allclose(answer["scores"], expected, rtol=1e-6, atol=1e-6)
    new_user = exported.ask("predict_examples", examples=[example(item_id=list(ITEMS))])
    expected = exported.case.scores([{"history_item_id": []}], asked)
    np.testing.assert_allclose(new_user["scores"], expected, rtol=1e-6, atol=1e-6)


def test_a_column_of_one_row_follows_a_longer_history_of_another(exported):
    rows = ({"history_item_id": ["1", "-1"]}, {"history_item_id": ["1"], "history_gap": [3.0]})
    serialized = [of_row(exported.case, row, ["1"]) for row in rows]
    answer = exported.ask("predict_examples", examples=serialized)
    expected = exported.case.scores(rows, [["1"], ["1"]])
    np.testing.assert_allclose(answer["scores"], expected, rtol=1e-6, atol=1e-6)


def test_uneven_and_absent_candidates(exported):
    serialized = [example(item_id=["1", "-1"]), example(item_id=["1"]), example()]
    scores = exported.ask("predict_examples", examples=serialized)["scores"]
    assert scores.shape == (3, 2)
    lowest = np.finfo(np.float32).min
    assert (scores == lowest).tolist() == [[False, False], [False, True], [True, True]]
    assert exported.ask("predict_examples", examples=[example()])["scores"].shape == (1, 0)
    assert exported.ask("predict_examples", examples=[])["scores"].size == 0


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            {"history_item_id": [1]},
            "Key: history_item_id.*Expected type: string, Actual",
        ),
        ({"age": ["old"]}, "Key: age.*Expected type: float, Actual type: string"),
        ({"country": ["nl", "de"]}, "'country.* must have at most one value. Received:. .2"),
        ({"history_gap": [1.0, 2.0]}, "'history_gap.* must have as many values as .'history_item"),
        (
            {"history_tags": ["5|x"]},
            "'history_tags.* must have integers of .* with .'|.' between them",
        ),
        (
            {"history_tags": [f"5|{2**63}"]},
            "'history_tags.* of at most 18 digits .*9223372036854775808",
        ),
    ],
)
def test_malformed_examples_name_the_feature(exported, features, message):
    serialized = example(**{"history_item_id": ["1"], "item_id": ["1"], **features})
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.ask("predict_examples", examples=[serialized])


def test_bytes_that_are_no_example(exported):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Could not parse example input"):
        exported.ask("predict_examples", examples=[b"no such thing"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="tensor examples .1,1. is not"):
        exported.ask("predict_examples", examples=[[small_models.ITEMS[0]]])
