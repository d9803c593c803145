"""Requests for warming up, decoded by protobuf itself and asked again."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from amer_tf.export import warmup
from tests.export.small_models import CASES

# TensorFlow brings protobuf along; nothing of ours requires it.
descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
message_factory = pytest.importorskip("google.protobuf.message_factory")


def message(name, /, **fields):
    """A message type of fields, each a number and a type, repeated where the name is a plural."""
    made = descriptor_pb2.DescriptorProto(name=name)
    for field, (number, kind) in fields.items():
        added = made.field.add(name=field, number=number)
        added.label = added.LABEL_REPEATED if field == "inputs" else added.LABEL_OPTIONAL
        if kind == "string":
            added.type = added.TYPE_STRING
        else:
            added.type, added.type_name = added.TYPE_MESSAGE, kind
    return made


@pytest.fixture(scope="module")
def prediction_log():
    """`tensorflow.serving.PredictionLog`, of the fields that the format's own files declare."""
    pool = descriptor_pool.DescriptorPool()
    for needed in ("tensor_shape", "types", "resource_handle", "tensor"):
        module = importlib.import_module(f"tensorflow.core.framework.{needed}_pb2")
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    space = "test.serving"
    file = descriptor_pb2.FileDescriptorProto(name="log.proto", package=space, syntax="proto3")
    file.dependency.append(tensor_pb2.DESCRIPTOR.name)
    entry = message("InputsEntry", key=(1, "string"), value=(2, ".tensorflow.TensorProto"))
    entry.options.map_entry = True
    request = message(
        "PredictRequest",
        model_spec=(1, f".{space}.ModelSpec"),
        inputs=(2, f".{space}.PredictRequest.InputsEntry"),
    )
    request.nested_type.append(entry)
    file.message_type.extend(
        [
            message("ModelSpec", name=(1, "string"), signature_name=(3, "string")),
            request,
            message("PredictLog", request=(1, f".{space}.PredictRequest")),
            message("PredictionLog", predict_log=(6, f".{space}.PredictLog")),
        ]
    )
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{space}.PredictionLog"))


def requests(exported):
    file = exported.folder / "assets.extra" / "tf_serving_warmup_requests"
    return [record.numpy() for record in tf.data.TFRecordDataset(str(file))]


@pytest.mark.parametrize("exported", list(CASES), indirect=True)
def test_requests_are_answered(exported, prediction_log):
    logs = [prediction_log.FromString(record) for record in requests(exported)]
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


def test_protobuf_writes_the_same_bytes(exported, prediction_log):
    # A longer message than one byte of length can tell is among them.
    records = requests(exported)
    assert max(map(len, records)) > 128
    for record in records:
        log = prediction_log.FromString(record)
        assert log.SerializeToString(deterministic=True) == record


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")],
)
def test_varint(value, encoded):
    # 300 is the example of the protobuf documentation.
    assert warmup._varint(value) == encoded
