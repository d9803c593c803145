"""The messages of TensorFlow Serving's prediction API, made from their published field numbers.

Its own package, `tensorflow-serving-api`, requires `tensorflow`, which `tensorflow-cpu` does not
satisfy. Names, numbers and types are those of its release 2.21.0, of the fields used here.
Reference: tensorflow/serving, `apis/*.proto`.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import tensorflow as tf

# TensorFlow brings protobuf along; nothing of ours requires it.
descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
message_factory = pytest.importorskip("google.protobuf.message_factory")

SPACE = "tensorflow.serving"
SERVICE = f"{SPACE}.PredictionService"
# What the messages are made of, in the order in which one needs another.
_NEEDED = (
    "framework.tensor_shape",
    "framework.types",
    "framework.resource_handle",
    "framework.tensor",
    "example.feature",
    "example.example",
)
_TENSOR, _EXAMPLE = ".tensorflow.TensorProto", ".tensorflow.Example"
# Fields by name: number and type; "*" before a type: repeated; "map": from text to tensors.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
    "ExampleList": {"examples": (1, f"*{_EXAMPLE}")},
    "Input": {"example_list": (1, "ExampleList")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "map")},
    "PredictResponse": {"outputs": (1, "map"), "model_spec": (2, "ModelSpec")},
    "ClassificationRequest": {"model_spec": (1, "ModelSpec"), "input": (2, "Input")},
    "Class": {"label": (1, "string"), "score": (2, "float")},
    "Classifications": {"classes": (1, "*Class")},
    "ClassificationResult": {"classifications": (1, "*Classifications")},
    "ClassificationResponse": {
        "result": (1, "ClassificationResult"),
        "model_spec": (2, "ModelSpec"),
    },
    "RegressionRequest": {"model_spec": (1, "ModelSpec"), "input": (2, "Input")},
    "Regression": {"value": (1, "float")},
    "RegressionResult": {"regressions": (1, "*Regression")},
    "RegressionResponse": {"result": (1, "RegressionResult"), "model_spec": (2, "ModelSpec")},
    "ClassifyLog": {"request": (1, "ClassificationRequest")},
    "RegressLog": {"request": (1, "RegressionRequest")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {
        "classify_log": (2, "ClassifyLog"),
        "regress_log": (3, "RegressLog"),
        "predict_log": (6, "PredictLog"),
    },
}


def _message(name: str, fields: dict[str, tuple[int, str]]) -> Any:
    made = descriptor_pb2.DescriptorProto(name=name)
    for field, (number, kind) in fields.items():
        added = made.field.add(name=field, number=number, label=1)
        if kind == "map":
            entry_name = f"{field.title()}Entry"
            entry = _message(entry_name, {"key": (1, "string"), "value": (2, _TENSOR)})
            entry.options.map_entry = True
            made.nested_type.append(entry)
            kind = f"*.{SPACE}.{name}.{entry_name}"
        if kind.startswith("*"):
            added.label, kind = added.LABEL_REPEATED, kind[1:]
        if kind in ("string", "float"):
            added.type = added.TYPE_STRING if kind == "string" else added.TYPE_FLOAT
        else:
            added.type = added.TYPE_MESSAGE
            added.type_name = kind if kind.startswith(".") else f".{SPACE}.{kind}"
    return made


def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="messages.proto", package=SPACE, syntax="proto3")
    for needed in _NEEDED:
        descriptor = importlib.import_module(f"tensorflow.core.{needed}_pb2").DESCRIPTOR
        pool.AddSerializedFile(descriptor.serialized_pb)
        file.dependency.append(descriptor.name)
    file.message_type.extend(_message(name, fields) for name, fields in _MESSAGES.items())
    pool.Add(file)
    return pool


_POOL = _pool()


def message(name: str, **fields: Any) -> Any:
    """A new message of a type of `tensorflow.serving`."""
    return kind(name)(**fields)


def kind(name: str) -> Any:
    """A type of `tensorflow.serving`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{SPACE}.{name}"))


def set_tensor(tensors: Any, name: str, value: Any) -> None:
    """Puts an array into a map from text to tensors."""
    tensors[name].ParseFromString(tf.make_tensor_proto(value).SerializeToString())
