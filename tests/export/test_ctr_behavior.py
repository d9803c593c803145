"""Task ctr with behaviour: padded, ragged and serialised rows, as the Python model scores them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.export import small_hybrids
from tests.export.small_hybrids import EVERY_HYBRID, HYBRID_ROWS, HYBRIDS

DEFAULT = small_hybrids.DEFAULT


def equal(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def user(**changes):
    return {**HYBRID_ROWS[1], **changes}


@EVERY_HYBRID
def test_a_thousand_raw_rows(exported):
    rows = [*HYBRID_ROWS, *small_hybrids.random_rows(1000)]
    expected = exported.case.logits(rows)
    answer = exported.ask("serving_default", **exported.columns(rows))
    equal(answer["logit"], expected)
    equal(answer["probability"], 1 / (1 + np.exp(-expected)))
    equal(exported.ask("predict_ragged", **exported.flat_columns(rows))["logit"], expected)
    equal(exported.ask("predict_examples", examples=exported.examples(rows))["logit"], expected)
    # The model tells rows apart, or equality would say nothing.
    assert len(np.unique(np.round(expected, 4))) > 800


@EVERY_HYBRID
def test_every_row_alone_is_answered_alike(exported):
    expected = exported.case.logits(HYBRID_ROWS)
    for index, row in enumerate(HYBRID_ROWS):
        answer = exported.ask("serving_default", **exported.columns([row]))
        equal(answer["logit"], expected[index : index + 1])


@EVERY_HYBRID
@pytest.mark.parametrize(("left", "right"), [(0, 7), (7, 0), (3, 2)])
def test_padding_on_any_side_changes_nothing(exported, left, right):
    answer = exported.ask("serving_default", **exported.columns(HYBRID_ROWS, left, right))
    equal(answer["logit"], exported.case.logits(HYBRID_ROWS))


def test_only_the_newest_steps_count(exported):
    columns = exported.columns([user()])
    newest = {"history_ad": [["-1", "1", "été", " lead"]], "history_gap": [[1.0, 2.0, 3.0, 4.0]]}
    older = {
        "history_ad": [["new", "1", *newest["history_ad"][0]]],
        "history_gap": [[9.0, 9.0, *newest["history_gap"][0]]],
    }
    for name in ("history_tags", "history_page"):
        del columns[name]
    expected = exported.ask("serving_default", **{**columns, **newest})["logit"]
    equal(exported.ask("serving_default", **{**columns, **older})["logit"], expected)


def test_no_history_of_any_form_is_one_answer(exported):
    row = {name: value for name, value in user().items() if not name.startswith("history")}
    columns = exported.columns([row])
    expected = exported.case.logits([row])
    for history in (
        {},
        {"history_ad": np.zeros([1, 0], "S")},
        {"history_ad": [["", ""]], "history_gap": [[1.0, 2.0]]},
        # The column that tells the steps was left out.
        {"history_gap": [[1.0, 2.0]], "history_tags": [[[5], [7]]]},
    ):
        equal(exported.ask("serving_default", **columns, **history)["logit"], expected)
    flat = exported.ask("predict_ragged", **columns)
    equal(flat["logit"], expected)
    known = exported.ask("serving_default", **exported.columns([user()]))
    assert np.abs(known["logit"] - expected).max() > 1e-3


def test_a_history_of_unknown_values_is_not_an_empty_one(exported):
    unknown = user(history_ad=["a", "b", "c"])
    answer = exported.ask("serving_default", **exported.columns([unknown]))["logit"]
    equal(answer, exported.case.logits([unknown]))
    empty = exported.case.logits([user(history_ad=None)])
    assert np.abs(answer - empty).max() > 1e-3


def test_columns_left_out_are_missing_for_all(exported):
    rows = [HYBRID_ROWS[1], HYBRID_ROWS[4]]
    whole = exported.columns(rows)
    for name in set(whole) - {"ad"}:
        columns = {key: value for key, value in whole.items() if key != name}
        without = [{key: value for key, value in row.items() if key != name} for row in rows]
        expected = exported.case.logits(without)
        equal(exported.ask("serving_default", **columns)["logit"], expected)
        assert np.abs(expected - exported.case.logits(rows)).max() > 1e-4, name


def test_absent_features_of_serialised_examples(exported):
    for name in HYBRID_ROWS[1]:
        row = user(**{name: None})
        answer = exported.ask("predict_examples", examples=exported.examples([row]))["logit"]
        equal(answer, exported.case.logits([row]))
    # Another row of the batch is longer, and one has features of steps that it has not.
    rows = [user(history_ad=None), user(), {}]
    answer = exported.ask("predict_examples", examples=exported.examples(rows))["logit"]
    equal(answer, exported.case.logits(rows))


def test_no_rows(exported):
    none = exported.ask("serving_default", ad=np.zeros([0], "S"))
    assert none["logit"].shape == none["probability"].shape == (0,)
    assert exported.ask("predict_ragged", ad=np.zeros([0], "S"))["logit"].shape == (0,)
    assert exported.ask("predict_examples", examples=[])["logit"].shape == (0,)


def test_only_the_column_of_rows_must_be_sent(exported):
    text = (exported.folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(text).meta_graphs
    for name, needed in (
        ("serving_default", {"ad"}),
        ("predict_ragged", {"ad"}),
        ("score_candidates", {"ad"}),
        ("predict_examples", {"examples"}),
        ("classify_examples", {"inputs"}),
        ("regress_examples", {"inputs"}),
    ):
        signature = graph.signature_def[name]
        assert set(signature.inputs) - set(signature.defaults) == needed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"country": ["nl", "be"]}, "'country.* must have as many rows as column .'ad"),
        ({"history_ad": [["1"] * 3] * 2}, "'history_ad.* must have as many rows as column .'ad"),
        ({"history_gap": [[1.0]]}, "'history_gap.* must have as many steps as column .'history_ad"),
        ({"history_tags": [[[5]]]}, "'history_tags.* must have as many steps as column .'history"),
        ({"history_ad": ["1"]}, "tensor history_ad .1. is not compatible with expected shape"),
        (
            {"history_tags": [[5]]},
            "tensor history_tags .1,1. is not compatible with expected shape",
        ),
    ],
)
def test_malformed_requests_name_the_column(exported, change, message):
    columns = {**exported.columns([user()]), **change}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.ask("serving_default", **columns)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_splits": [0, 1, 3]}, "'row_splits.* must have one number more than .'ad.*rows"),
        ({"row_splits": [1, 3]}, "'row_splits.* must have numbers that rise from 0 to the number"),
        ({"row_splits": [0, 2]}, "'row_splits.* must have numbers that rise from 0 to the number"),
        ({"row_splits": [0, 4]}, "events in .'history_ad.*Received:. .0 4"),
        ({"row_splits": []}, "'row_splits.* must have numbers that rise from 0 to the number"),
        ({"history_gap": [1.0]}, "'history_gap.* must have as many events as column .'history_ad"),
        ({"history_ad": [["1"]]}, "tensor history_ad .1,1. is not compatible with expected"),
        ({"country": ["nl", "be"]}, "'country.* must have as many rows as column .'ad"),
    ],
)
def test_malformed_ragged_requests_name_the_column(exported, change, message):
    columns = {**exported.flat_columns([user()]), **change}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.ask("predict_ragged", **columns)


def test_splits_that_fall_are_refused(exported):
    columns = {"ad": ["1", "1"], "history_ad": ["1", "1"], "row_splits": [0, 3, 2]}
    with pytest.raises(tf.errors.InvalidArgumentError, match="'row_splits.* rise from 0"):
        exported.ask("predict_ragged", **columns)


def test_ragged_tensors_come_apart_into_a_request(exported):
    rows = HYBRID_ROWS[1:3]
    ragged = tf.ragged.constant([[ad or "" for ad in row["history_ad"]] for row in rows])
    asked = {"ad": ["1", "-1"], "history_ad": ragged.flat_values, "row_splits": ragged.row_splits}
    expected = [
        {"ad": ad, "history_ad": row["history_ad"]}
        for ad, row in zip(asked["ad"], rows, strict=True)
    ]
    equal(exported.ask("predict_ragged", **asked)["logit"], exported.case.logits(expected))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("history_ad", [1], "Key: history_ad.*Expected type: string, Actual"),
        ("history_gap", [1.0], "'history_gap.* must have as many values as .'history_ad"),
        ("history_tags", ["5|x", "", ""], "'history_tags.* must have integers with .'|.' between"),
        ("ad", ["1", "-1"], "'ad.* must have at most one value. Received:. .2"),
        ("hour", ["3"], "Key: hour.*Expected type: int64, Actual type: string"),
    ],
)
def test_malformed_examples_name_the_feature(exported, name, values, message):
    example = tf.train.Example.FromString(exported.examples([user()])[0])
    example.features.feature[name].Clear()
    kind = {int: "int64_list", float: "float_list", str: "bytes_list"}[type(values[0])]
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(example.features.feature[name], kind).value.extend(encoded)
    for signature, argument in (("predict_examples", "examples"), ("regress_examples", "inputs")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            exported.ask(signature, **{argument: [example.SerializeToString()]})


def test_a_type_that_is_wrong_is_told_by_its_number_in_the_readme(exported):
    """TensorFlow refuses it before the model, by this number alone."""
    text = (exported.folder / "README.md").read_text()
    section = text.split("## serving_default\n")[1].split("\n## ")[0]
    function = exported.loaded.signatures["serving_default"]
    specs = function.structured_input_signature[1]
    for place, name in enumerate(sorted(specs)):
        tensors = {key: tf.zeros([0] * spec.shape.rank, spec.dtype) for key, spec in specs.items()}
        tensors[name] = tf.zeros(tensors[name].shape, tf.bool)
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"input #{place}.zero-based"):
            function(**tensors)
        assert f"| {place} | `{name}` |" in section


def test_dropout_is_off(exported):
    expected = exported.case.logits(HYBRID_ROWS)
    # A call in training moves averages, so it is one of another model with the same weights.
    case = HYBRIDS[DEFAULT]()
    dropped = case.model(case.inputs(HYBRID_ROWS), training=True)
    assert np.abs(dropped - expected).min() > 1e-3
    equal(exported.ask("serving_default", **exported.columns(HYBRID_ROWS))["logit"], expected)


def test_readme(exported):
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    assert "- steps of a history that count: the newest 4\n" in text
    assert "| `history_tags` | int64 | [batch, steps, values] | `-9223372036854775808` |" in text
    assert "| `history_ad` | string | [events] |" in text
    assert "| `row_splits` | int64 | [batch + 1] |" in text
    assert "`/v1/models/NAME:classify`" in text
    requests = [json.loads(found) for found in re.findall(r"```json\n(.*)\n```", text)]
    answers = {}
    for request in requests:
        name = request["signature_name"]
        if "inputs" in request:
            answers[name] = exported.ask(name, **request["inputs"])
        else:
            [features] = request["examples"]
            features["history_tags"] = [
                [int(tag) for tag in text.split("|")] for text in features["history_tags"]
            ]
            serialized = exported.examples([features])
            answers[name] = exported.ask(name, inputs=serialized)
    assert set(answers) == set(exported.loaded.signatures) - {"predict_examples"}
    chance = answers["serving_default"]["probability"]
    equal(answers["predict_ragged"]["probability"], chance)
    equal(answers["classify_examples"]["scores"], [[1 - chance[0], chance[0]]])
    equal(answers["regress_examples"]["outputs"], chance)
    assert answers["score_candidates"]["probability"].shape == (3,)
