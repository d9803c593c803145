"""Requests that a model server runs before it takes traffic.

TensorFlow Serving reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord of
`tensorflow.serving.PredictionLog` messages. Its Python package would bring gRPC for a few nested
messages of which each field is length-delimited, so they are written by hand:

    PredictionLog         { ClassifyLog classify_log = 2; RegressLog regress_log = 3;
                            PredictLog predict_log = 6; }
    ClassifyLog           { ClassificationRequest request = 1; }
    RegressLog            { RegressionRequest request = 1; }
    PredictLog            { PredictRequest request = 1; }
    PredictRequest        { ModelSpec model_spec = 1; map<string, TensorProto> inputs = 2; }
    ClassificationRequest { ModelSpec model_spec = 1; Input input = 2; }
    RegressionRequest     { ModelSpec model_spec = 1; Input input = 2; }
    Input                 { ExampleList example_list = 1; }
    ExampleList           { repeated tensorflow.Example examples = 1; }
    ModelSpec             { string signature_name = 3; }

Reference: tensorflow/serving, `apis/prediction_log.proto`, `predict.proto`, `model.proto`,
`classification.proto`, `regression.proto`, `input.proto`.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

import tensorflow as tf

from amer_tf.export.signatures import Signature

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"

_LENGTH_DELIMITED = 2
_LOGS = {"classify": 2, "regress": 3, "predict": 6}


def write(signatures: Iterable[Signature], folder: pathlib.Path) -> None:
    """Writes the example request of each signature into an export folder."""
    file = folder / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature in signatures:
            writer.write(prediction_log(signature))


def prediction_log(signature: Signature) -> bytes:
    """The example request of a signature as a serialised `PredictionLog`."""
    request = _field(1, _field(3, signature.name.encode()))
    if signature.method == "predict":
        for name, tensor in sorted(signature.example_tensors().items()):
            # A map is a list of entries with a key, 1, and a value, 2.
            content = tf.make_tensor_proto(tensor).SerializeToString(deterministic=True)
            request += _field(2, _field(1, name.encode()) + _field(2, content))
    else:
        [serialized] = signature.example.values()
        request += _field(2, _field(1, b"".join(_field(1, example) for example in serialized)))
    return _field(_LOGS[signature.method], _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """One field of a message: its tag, the length of its content, its content."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth bit says that more follow."""
    head = bytearray()
    while value >= 0x80:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])
