"""A small model server on the messages of TensorFlow Serving, over loopback.

It answers `Predict`, `Classify` and `Regress` of one SavedModel through a session of its graph, and
checks requests against the signatures alone, as any server could.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from tests.export.serving_messages import SERVICE, kind, message, set_tensor

_REQUESTS = {
    "Predict": ("PredictRequest", "PredictResponse"),
    "Classify": ("ClassificationRequest", "ClassificationResponse"),
    "Regress": ("RegressionRequest", "RegressionResponse"),
}


class _RefusedError(Exception):
    """A request that does not fit the signature."""


class PredictionServer:
    """Answers requests for the SavedModel of a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder))
        self._signatures = graph.signature_def

    def predict(self, request: Any) -> Any:
        signature = self._signature(request, "predict")
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        response = message("PredictResponse", model_spec=request.model_spec)
        for name, value in self._run(signature, inputs).items():
            set_tensor(response.outputs, name, value)
        return response

    def classify(self, request: Any) -> Any:
        answer = self._run(self._signature(request, "classify"), _examples(request))
        classifications = [
            message(
                "Classifications",
                classes=[
                    message("Class", label=label.decode(), score=score)
                    for label, score in zip(labels, scores, strict=True)
                ],
            )
            for labels, scores in zip(answer["classes"], answer["scores"], strict=True)
        ]
        result = message("ClassificationResult", classifications=classifications)
        return message("ClassificationResponse", model_spec=request.model_spec, result=result)

    def regress(self, request: Any) -> Any:
        answer = self._run(self._signature(request, "regress"), _examples(request))
        regressions = [message("Regression", value=value) for value in answer["outputs"]]
        result = message("RegressionResult", regressions=regressions)
        return message("RegressionResponse", model_spec=request.model_spec, result=result)

    def _signature(self, request: Any, method: str) -> Any:
        name = request.model_spec.signature_name or "serving_default"
        if name not in self._signatures:
            raise _RefusedError(f"There is no signature {name!r}")
        signature = self._signatures[name]
        if signature.method_name != f"tensorflow/serving/{method}":
            raise _RefusedError(f"The signature {name!r} is of method {signature.method_name}")
        return signature

    def _run(self, signature: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        for name, value in inputs.items():
            if name not in signature.inputs:
                raise _RefusedError(f"There is no input {name!r}")
            wanted = tf.dtypes.as_dtype(signature.inputs[name].dtype)
            given = tf.string if value.dtype == object else tf.dtypes.as_dtype(value.dtype)
            if given != wanted:
                raise _RefusedError(f"Input {name!r} must be {wanted.name}. Received: {given.name}")
            shape = tf.TensorShape(signature.inputs[name].tensor_shape)
            if not shape.is_compatible_with(value.shape):
                raise _RefusedError(f"Input {name!r} must be {shape}. Received: {value.shape}")
        for name in signature.inputs:
            if name not in inputs and name not in signature.defaults:
                raise _RefusedError(f"Input {name!r} is missing")
        defaults = {
            name: tf.make_ndarray(value)
            for name, value in signature.defaults.items()
            if name not in inputs
        }
        feeds = {signature.inputs[name].name: value for name, value in (defaults | inputs).items()}
        names = {name: output.name for name, output in signature.outputs.items()}
        return self._session.run(names, feeds)


def _examples(request: Any) -> dict[str, Any]:
    examples = request.input.example_list.examples
    return {"inputs": np.array([example.SerializeToString() for example in examples], object)}


@contextlib.contextmanager
def serving(folder: pathlib.Path) -> Iterator[dict[str, Callable[[Any], Any]]]:
    """A server of an export and, for each method, the call of a client that is connected to it."""
    server = PredictionServer(folder)
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _told(getattr(server, name.lower())),
            request_deserializer=kind(request).FromString,
            response_serializer=kind(response).SerializeToString,
        )
        for name, (request, response) in _REQUESTS.items()
    }
    pool = concurrent.futures.ThreadPoolExecutor(2)
    listener = grpc.server(pool)
    listener.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield {
                name: channel.unary_unary(
                    f"/{SERVICE}/{name}",
                    request_serializer=kind(request).SerializeToString,
                    response_deserializer=kind(response).FromString,
                )
                for name, (request, response) in _REQUESTS.items()
            }
    finally:
        listener.stop(None).wait()
        pool.shutdown()


def _told(answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """The method with its errors as the status of the call."""

    def call(request: Any, context: Any) -> Any:
        try:
            return answer(request)
        except (_RefusedError, tf.errors.InvalidArgumentError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return call
