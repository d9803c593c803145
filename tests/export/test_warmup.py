"""Requests for warming up, decoded by protobuf itself and asked again."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export import warmup
from tests.export import serving_messages
from tests.export.small_hybrids import EVERY_HYBRID
from tests.export.small_models import CASES

PredictionLog = serving_messages.kind("PredictionLog")


def requests(exported):
    file = exported.folder / "assets.extra" / "tf_serving_warmup_requests"
    return [record.numpy() for record in tf.data.TFRecordDataset(str(file))]


@pytest.mark.parametrize("exported", list(CASES), indirect=True)
def test_requests_are_answered(exported):
    logs = [PredictionLog.FromString(record) for record in requests(exported)]
    asked = [log.predict_log.request for log in logs]
    names = [request.model_spec.signature_name for request in asked]
    assert names == ["serving_default", "predict_examples", "recommend"]
    answers = {}
    for name, request in zip(names, asked, strict=True):
        function = exported.loaded.signatures[name]
        tensors = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        assert set(tensors) == set(function.structured_input_signature[1])
        answers[name] = function(**{key: tf.constant(value) for key, value in tensors.items()})
    scores = answers["serving_default"]["scores"]
    assert scores.shape == (1, 3)
    assert (scores.numpy() > np.finfo(np.float32).min).all()
    np.testing.assert_allclose(answers["predict_examples"]["scores"], scores, atol=1e-6)
    assert answers["recommend"]["item_id"].shape == (1, len(exported.case.items))


@EVERY_HYBRID
def test_requests_of_every_method_are_answered(exported):
    answers = {}
    for record in requests(exported):
        log = PredictionLog.FromString(record)
        [(field, filled)] = log.ListFields()
        request = filled.request
        if field.name == "predict_log":
            tensors = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        else:
            [example] = request.input.example_list.examples
            tensors = {"inputs": [example.SerializeToString()]}
        name = request.model_spec.signature_name
        answers[name] = field.name, exported.ask(name, **tensors)
    assert {name: method for name, (method, _) in answers.items()} == {
        "serving_default": "predict_log",
        "predict_examples": "predict_log",
        "classify_examples": "classify_log",
        "regress_examples": "regress_log",
        "predict_ragged": "predict_log",
        "score_candidates": "predict_log",
    }
    chance = answers["serving_default"][1]["probability"]
    for name, output in (
        ("predict_examples", "probability"),
        ("regress_examples", "outputs"),
        ("predict_ragged", "probability"),
    ):
        np.testing.assert_allclose(answers[name][1][output], chance, atol=1e-6)
    assert answers["score_candidates"][1]["probability"].shape == (3,)


@pytest.mark.parametrize("exported", ["strings", "attention"], indirect=True)
def test_protobuf_writes_the_same_bytes(exported):
    # A longer message than one byte of length can tell is among them.
    records = requests(exported)
    assert max(map(len, records)) > 128
    for record in records:
        log = PredictionLog.FromString(record)
        assert log.SerializeToString(deterministic=True) == record


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")],
)
def test_varint(value, encoded):
    # 300 is the example of the protobuf documentation.
    assert warmup._varint(value) == encoded
